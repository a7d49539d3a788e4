import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { isAlive } from '../../../runtime/src/embedded/postmaster-file.ts';

/** The process id of the server that runs on a data folder. */
export async function serverPid(dataDirectory: string): Promise<number> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}

/** The process id of a folder's keeper. */
export async function keeperPid(directory: string): Promise<number> {
  const text = await readFile(join(directory, 'postgres-keeper.json'), 'utf8');
  return Number((JSON.parse(text) as { pid: unknown }).pid);
}

/** Waits until a process is gone. The system tells nobody but its parent, so that one has to ask. */
export async function gone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 30_000, interval: 20 });
}
