import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { silentLogger, type Logger } from '../foundation/logger.ts';
import { SUPERUSER } from './cluster.ts';
import { createDatabase } from './create-database.ts';
import { embeddedError } from './embedded-error.ts';
import type { KeeperConfiguration } from './keeper-protocol.ts';
import { acquireLease, type Lease } from './lease.ts';
import { canReach, serverUser } from './server-user.ts';
import type { Durability } from './server-process.ts';
import { TEMPORARY_PREFIX } from './sweep-temporary.ts';

/** How {@link startEmbeddedPostgres} starts. */
export interface EmbeddedPostgresOptions {
  /**
   * The folder of the server: data, log and settings. Processes that name the same folder share one server.
   * Default: `.potter` in the current folder, or, when not `persistent`, a new temporary folder.
   */
  readonly directory?: string;
  /** Whether the data is kept when the last user has stopped. Default true. */
  readonly persistent?: boolean;
  /**
   * `full` (default): a commit survives a power cut. `none`: nothing is forced to disk, which makes many small commits
   * several times faster; the data survives a crash of processes, but not one of the machine. For tests.
   */
  readonly durability?: Durability;
  /** The database in `url`; made when it is missing. Default `potter`. */
  readonly database?: string;
  /** Where npm packages are looked up first, before this package's own place. Default: the current folder. */
  readonly projectDirectory?: string;
  /**
   * Where programs and data go that the server's user cannot reach in their own place (root's home, for instance).
   * Default `/var/tmp/potter-<uid>`.
   */
  readonly cacheDirectory?: string;
  /** Told at level info what takes time. Default: nobody. */
  readonly logger?: Logger;
}

/** A running embedded server. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Of the database asked for. */
  readonly url: string;
  readonly port: number;
  /** For instance `18.4`. */
  readonly version: string;
  /** Where the data is. */
  readonly dataDirectory: string;
  /** The address of another database of this server; it need not exist. */
  urlOf(database: string): string;
  /** Gives the server up. It stops when nobody else uses it, and then this returns only after it has. */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL from npm for development and tests: loopback only, a free port, UTF-8, code point order, UTC.
 * The server ends with the last process that uses it, even when that is killed.
 * @throws PotterError `EMBEDDED_DATABASE_FAILED` with the server's last words and what to do.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const { persistent = true, durability = 'full', database = 'potter' } = options;
  const logger = options.logger ?? silentLogger;
  const directory =
    options.directory === undefined
      ? await defaultDirectory(persistent)
      : await makeDirectory(resolve(options.directory));
  const configuration: KeeperConfiguration = {
    directory,
    projectDirectory: resolve(options.projectDirectory ?? '.'),
    ephemeral: !persistent,
    durability,
    ...(options.cacheDirectory === undefined ? {} : { cacheDirectory: options.cacheDirectory }),
  };
  const lease = await acquireLease(configuration, (message) => logger.info(message)).catch(
    async (error: unknown) => {
      if (configuration.ephemeral)
        await rm(configuration.directory, { recursive: true, force: true });
      throw error;
    },
  );
  const { port, password, version, dataDirectory } = lease.server;
  const urlOf = (name: string): string =>
    `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(name)}`;
  const stop = once(() => lease.release());
  try {
    if (database !== 'postgres') await createDatabase(urlOf('postgres'), database);
  } catch (error) {
    await stop();
    throw error;
  }
  void watch(lease, logger, stop);
  return {
    url: urlOf(database),
    port,
    version,
    dataDirectory,
    urlOf,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface StopOnce {
  (): Promise<void>;
  readonly called: () => boolean;
}

function once(work: () => Promise<void>): StopOnce {
  let running: Promise<void> | undefined;
  return Object.assign(
    () => {
      running ??= work();
      return running;
    },
    { called: () => running !== undefined },
  );
}

/** A server that dies under its users is worth a line in their log; their pools find out by themselves. */
async function watch(lease: Lease, logger: Logger, stop: StopOnce): Promise<void> {
  await lease.ended;
  if (stop.called()) return;
  const error = lease.failure();
  logger.error(
    'the embedded database is no longer looked after',
    error === undefined ? {} : { error },
  );
}

async function makeDirectory(directory: string): Promise<string> {
  try {
    await mkdir(directory, { recursive: true });
    return directory;
  } catch (error) {
    throw embeddedError(`The folder ${directory} could not be made: ${String(error)}.`, {
      details: { directory },
      cause: error,
    });
  }
}

async function defaultDirectory(persistent: boolean): Promise<string> {
  if (persistent) return resolve('.potter');
  let parent = tmpdir();
  const user = await serverUser(parent);
  if (!(await canReach(user, parent))) parent = '/tmp';
  const directory = await mkdtemp(join(parent, TEMPORARY_PREFIX));
  // The server's user must be able to enter, and only that.
  if (user !== undefined) await chmod(directory, 0o711);
  return directory;
}
