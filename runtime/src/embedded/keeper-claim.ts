import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { readKeeperAddress, type KeeperAddress } from './keeper-protocol.ts';

/** The right to be the one keeper of a folder. */
export interface Claim {
  release(): Promise<void>;
}

/** How often an address file that cannot be read yet is looked at again, 20 ms apart: writing it takes one call. */
const UNREADABLE_ATTEMPTS = 10;

/**
 * Becomes the keeper of a folder by creating its address file; undefined when another keeper is alive.
 * A keeper that was killed leaves its file behind, but its port no longer answers.
 */
export async function claimKeeper(
  file: string,
  address: KeeperAddress,
): Promise<Claim | undefined> {
  for (let unreadable = 0; ;) {
    if (await create(file, address)) return { release: () => releaseClaim(file, address) };
    const before = await readFile(file, 'utf8').catch(() => '');
    const incumbent = await readKeeperAddress(file);
    if (incumbent !== undefined && (await keeperAnswers(incumbent.port))) return undefined;
    if (incumbent === undefined && unreadable < UNREADABLE_ATTEMPTS) {
      unreadable += 1;
      await wait(20);
      continue;
    }
    // Another newcomer may have replaced the dead one's file in the meantime; that one stays.
    if ((await readFile(file, 'utf8').catch(() => '')) === before) await rm(file, { force: true });
  }
}

async function create(file: string, address: KeeperAddress): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(address), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function releaseClaim(file: string, address: KeeperAddress): Promise<void> {
  const current = await readKeeperAddress(file);
  if (current?.token === address.token) await rm(file, { force: true });
}

/** Whether somebody listens on a keeper's port. */
export function keeperAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
