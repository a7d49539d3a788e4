/**
 * The keeper: a small process of its own that owns one server for as long as anybody holds a lease on it.
 * Being a process of its own is the point. Whoever uses the server may be killed without a chance to clean up;
 * the kernel then closes his connection to the keeper, and the keeper stops the server when it was the last.
 */
import { rm } from 'node:fs/promises';
import { writeSync } from 'node:fs';
import { isPotterError } from '../errors/potter-error.ts';
import { prepareBinaries } from './binaries.ts';
import { createCluster, readPassword } from './cluster.ts';
import { claimKeeper } from './keeper-claim.ts';
import { KeeperLeases } from './keeper-leases.ts';
import type { KeeperConfiguration, KeeperMessage } from './keeper-protocol.ts';
import { hasCluster, keeperFile, prepareLayout } from './layout.ts';
import { removeOutsideData } from './outside-data.ts';
import { startServer, type ServerProcess } from './server-process.ts';
import { readSettings, writeSettings } from './settings-file.ts';
import { sweepOutside } from './sweep-outside.ts';
import { sweepTemporary } from './sweep-temporary.ts';

async function main(configuration: KeeperConfiguration): Promise<void> {
  const leases = await KeeperLeases.open();
  const claim = await claimKeeper(keeperFile(configuration.directory), leases.address);
  // The one line the parent waits for; it does not matter to it which of the two it was.
  writeSync(1, claim === undefined ? 'busy\n' : 'listening\n');
  if (claim === undefined) return process.exit(0);

  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, resolve);
  });
  let swept: Promise<unknown> | undefined;
  try {
    const server = await prepare(configuration, (message) => leases.publish(message));
    swept = sweep(configuration);
    await Promise.race([
      leases.unused(),
      interrupted,
      server.exited.then(() => died(server, leases)),
    ]);
    leases.refuse();
    await server.stop();
  } catch (error) {
    leases.publish(failure(error));
    await leases.firstCame;
  }
  if (configuration.ephemeral) {
    await removeAll(configuration.directory).catch(() => {
      // Somebody looks into it; the system's own cleaning of temporary folders gets it.
    });
  }
  await claim.release();
  // Only now: whoever waits for the end of a connection waits for the end of the server.
  await leases.close();
  await swept;
  process.exit(0);
}

/** Housekeeping after others: no user waits for it, and its failure is nobody's trouble. */
function sweep({ ephemeral, directory, cacheDirectory }: KeeperConfiguration): Promise<unknown> {
  return Promise.allSettled([
    sweepOutside(cacheDirectory),
    ...(ephemeral ? [sweepTemporary(directory)] : []),
  ]);
}

/** The folder, and the data that it points to. */
async function removeAll(directory: string): Promise<void> {
  const outside = (await readSettings(directory))?.dataDirectory;
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  if (outside !== undefined) await removeOutsideData(outside);
}

async function prepare(
  configuration: KeeperConfiguration,
  publish: (message: KeeperMessage) => void,
): Promise<ServerProcess> {
  const progress = (message: string): void => publish({ kind: 'progress', message });
  const layout = await prepareLayout(configuration.directory, configuration.cacheDirectory);
  const binaries = await prepareBinaries({
    projectDirectory: configuration.projectDirectory,
    user: layout.user,
    cacheDirectory: configuration.cacheDirectory,
  });
  if (!(await hasCluster(layout.dataDirectory))) {
    progress(`creating the data folder ${layout.dataDirectory} (first start)`);
    await createCluster(layout, binaries, { sync: configuration.durability === 'full' });
  }
  const server = await startServer(layout, binaries, {
    durability: configuration.durability,
    preferredPort: layout.settings.port,
  });
  await writeSettings(layout.directory, { ...layout.settings, port: server.port });
  publish({
    kind: 'ready',
    port: server.port,
    password: await readPassword(layout.dataDirectory),
    version: binaries.version,
    dataDirectory: layout.dataDirectory,
  });
  return server;
}

function died(server: ServerProcess, leases: KeeperLeases): void {
  leases.publish({
    kind: 'failed',
    message: `The server stopped by itself. Its last words: ${server.lastWords().slice(-4).join(' | ')}`,
    remedy: 'Start again.',
    details: { log: server.lastWords() },
  });
}

function failure(error: unknown): KeeperMessage {
  const known = isPotterError(error, 'EMBEDDED_DATABASE_FAILED') ? error : undefined;
  const text = error instanceof Error ? error.message : String(error);
  return {
    kind: 'failed',
    // The code and the remedy are put around it again by the client.
    message: known === undefined ? text : plainMessage(known.message, known.remedy),
    remedy: known?.remedy,
    details: known?.details ?? {},
  };
}

function plainMessage(message: string, remedy: string | undefined): string {
  const text = message.replace(/^\[[A-Z_]+\] /, '');
  return remedy !== undefined && text.endsWith(remedy)
    ? text.slice(0, -remedy.length).trim()
    : text;
}

await main(JSON.parse(process.argv[2] ?? '{}') as KeeperConfiguration);
