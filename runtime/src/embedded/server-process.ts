import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { parse } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import type { Binaries } from './binaries.ts';
import { serverEnvironment } from './cluster.ts';
import { embeddedError } from './embedded-error.ts';
import type { Layout } from './layout.ts';
import { isAlive, isServerOf, postmasterFile, readPostmaster } from './postmaster-file.ts';

/** How much a commit is worth; see {@link StartOptions}. */
export type Durability = 'full' | 'none';

/** How a server is started. */
export interface StartOptions {
  readonly durability: Durability;
  /** Asked for first; another free port is taken when somebody has it. */
  readonly preferredPort: number | undefined;
}

/** A running server. */
export interface ServerProcess {
  readonly port: number;
  /** Settles when the server is gone, whoever stopped it. */
  readonly exited: Promise<void>;
  /** What the server said last, oldest first. */
  lastWords(): readonly string[];
  /** Ends sessions, writes everything down, returns when the server is gone. */
  stop(): Promise<void>;
}

/** Ports are a race between all programs of a machine: this many are tried. */
const PORT_ATTEMPTS = 6;
/** A fast stop takes well under a second; after this long it is an immediate one, which recovers at the next start. */
const FAST_STOP_MS = 10_000;
/** After this many lines of log the oldest are forgotten. */
const KEPT_LINES = 40;

/** Starts the server of a data folder, or takes over the one that a killed keeper left running on it. */
export async function startServer(
  layout: Layout,
  binaries: Binaries,
  options: StartOptions,
): Promise<ServerProcess> {
  const left = await readPostmaster(layout.dataDirectory);
  if (left !== undefined) {
    if (await isServerOf(layout.dataDirectory, left.pid))
      return adopt(left.pid, left.port, layout, binaries);
    await rm(postmasterFile(layout.dataDirectory), { force: true });
  }
  let log: readonly string[] = [];
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const preferred = attempt === 0 ? options.preferredPort : undefined;
    const port = (preferred !== undefined && (await freePort(preferred))) || (await freePort(0));
    const outcome = await spawnServer(layout, binaries, options, port);
    if ('stop' in outcome) return outcome;
    log = outcome.log;
    if (!log.some((line) => /could not bind|Address already in use/i.test(line))) break;
  }
  throw embeddedError(`The server of ${layout.dataDirectory} did not start.`, {
    log,
    details: { dataDirectory: layout.dataDirectory, logFile: layout.logFile },
  });
}

function serverArguments(dataDirectory: string, port: number, durability: Durability): string[] {
  const settings: Readonly<Record<string, string | number>> = {
    listen_addresses: '127.0.0.1',
    // A socket's path is limited to 107 bytes and projects are anywhere; the loopback port is enough.
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: 200,
    max_prepared_transactions: 50,
    // Start and stop are what a developer waits for: no helper processes for reads, no compiler for plans.
    io_method: 'sync',
    jit: 'off',
    // Errors of statements go to the client; the log is for the server's own troubles and stays small.
    log_min_messages: 'log',
    log_checkpoints: 'off',
    ...(durability === 'none'
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
      : {}),
  };
  return [
    '-D',
    dataDirectory,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

async function spawnServer(
  layout: Layout,
  binaries: Binaries,
  options: StartOptions,
  port: number,
): Promise<ServerProcess | { readonly log: readonly string[] }> {
  const child = spawn(
    binaries.postgres,
    serverArguments(layout.dataDirectory, port, options.durability),
    {
      cwd: parse(binaries.postgres).root,
      env: serverEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
      ...layout.user,
    },
  );
  const words: string[] = [];
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      words.push(error.message);
      resolve();
    });
    child.once('exit', () => resolve());
  });
  const ready = readyLine(child, layout.logFile, words);
  const started = await Promise.race([ready, exited.then(() => false)]);
  if (!started) {
    await ready;
    return { log: words };
  }
  return {
    port,
    exited,
    lastWords: () => words,
    stop: () => stopServer(child.pid, exited, layout, binaries),
  };
}

/** Copies the server's log to its file. True at the line that says connections are welcome, false at the end. */
function readyLine(child: ChildProcess, logFile: string, words: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const { stderr } = child;
    if (stderr === null) return resolve(false);
    const file = createWriteStream(logFile, { mode: 0o600 });
    // A full disk must not end the keeper; the words are also kept in memory.
    file.on('error', () => {});
    const lines = createInterface({ input: stderr });
    lines.on('error', () => {});
    lines.on('line', (line) => {
      file.write(`${line}\n`);
      words.push(line.replace(/^\d{4}-\d\d-\d\d [\d:.]+ UTC \[\d+\] /, ''));
      if (words.length > KEPT_LINES) words.shift();
      if (line.includes('database system is ready to accept connections')) resolve(true);
    });
    lines.on('close', () => {
      file.end();
      resolve(false);
    });
  });
}

function adopt(pid: number, port: number, layout: Layout, binaries: Binaries): ServerProcess {
  const exited = goneOf(pid);
  return {
    port,
    exited,
    lastWords: () => [`The server with process id ${pid} was left running and taken over.`],
    stop: () => stopServer(pid, exited, layout, binaries),
  };
}

/** The system tells only a parent when a process ends; of somebody else's child one has to ask. */
async function goneOf(pid: number): Promise<void> {
  while (isAlive(pid)) await wait(100);
}

async function stopServer(
  pid: number | undefined,
  exited: Promise<void>,
  layout: Layout,
  binaries: Binaries,
): Promise<void> {
  if (pid === undefined) return;
  signalServer('fast', pid, layout, binaries);
  const patience = new AbortController();
  const late = wait(FAST_STOP_MS, undefined, { signal: patience.signal }).then(
    () => signalServer('immediate', pid, layout, binaries),
    () => {
      // In time.
    },
  );
  await exited;
  patience.abort();
  await late;
}

/** Windows has no signals; there `pg_ctl` asks through PostgreSQL's own pipe. */
function signalServer(
  mode: 'fast' | 'immediate',
  pid: number,
  layout: Layout,
  binaries: Binaries,
): void {
  if (process.platform === 'win32') {
    execFile(binaries.pgCtl, ['stop', '-D', layout.dataDirectory, '-m', mode, '--no-wait']);
    return;
  }
  try {
    process.kill(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  } catch {
    // Gone already: `exited` says so.
  }
}

/** `port` when nobody listens on it; with 0, any free one. Undefined when it is taken. */
function freePort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (port === 0 ? reject(error) : resolve(0)));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const found = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(found));
    });
  });
}
