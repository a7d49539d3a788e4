import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { extname, parse } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { embeddedError } from './embedded-error.ts';
import {
  parseKeeperMessage,
  readKeeperAddress,
  type KeeperAddress,
  type KeeperConfiguration,
  type KeeperMessage,
} from './keeper-protocol.ts';
import { keeperFile } from './layout.ts';

/** A claim on a running server: it stays up at least until the lease is given back or this process ends. */
export interface Lease {
  readonly server: Extract<KeeperMessage, { kind: 'ready' }>;
  /** Settles when the connection to the keeper has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** The server's fate after it was ready: what it died of, when it did. */
  failure(): Error | undefined;
  /** Gives the lease back. Returns when the server has stopped, or at once when others still use it. */
  release(): Promise<void>;
}

/** Keepers that end in front of our eyes (the last user of one just left) are replaced this many times. */
const ATTEMPTS = 5;

/** Gets a lease from the keeper of a folder, after starting one when there is none. */
export async function acquireLease(
  configuration: KeeperConfiguration,
  onProgress: (message: string) => void,
): Promise<Lease> {
  const file = keeperFile(configuration.directory);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const address = await readKeeperAddress(file);
    const lease = address && (await lend(address, onProgress));
    if (lease !== undefined) return lease;
    await spawnKeeper(configuration);
  }
  throw embeddedError(`No server could be kept in ${configuration.directory}.`, {
    remedy: `Look for processes that use it, or remove ${file}.`,
    details: { directory: configuration.directory },
  });
}

/** Undefined when there is no keeper behind this address any more. */
function lend(
  address: KeeperAddress,
  onProgress: (message: string) => void,
): Promise<Lease | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
    let failure: Error | undefined;
    const ended = new Promise<void>((done) => {
      socket.once('close', () => done());
    });
    socket.on('error', () => {
      // Refused or reset: 'close' follows and says all there is to say.
    });
    socket.once('connect', () => socket.write(`${address.token}\n`));
    socket.once('end', () => socket.end());
    void ended.then(() => resolve(undefined));
    const lines = createInterface({ input: socket });
    // It repeats what its input says.
    lines.on('error', () => {});
    lines.on('line', (line) => {
      const message = parseKeeperMessage(line);
      if (message?.kind === 'progress') onProgress(message.message);
      else if (message?.kind === 'failed') {
        const { remedy, details } = message;
        failure = embeddedError(message.message, {
          ...(remedy === undefined ? {} : { remedy }),
          details,
        });
        reject(failure);
        socket.end();
      } else if (message?.kind === 'ready') {
        // A program that forgets to stop may end all the same; that ends the lease too.
        socket.unref();
        resolve({
          server: message,
          ended,
          failure: () => failure,
          release: () => release(socket, ended),
        });
      }
    });
  });
}

async function release(socket: Socket, ended: Promise<void>): Promise<void> {
  socket.ref();
  socket.end();
  await ended;
}

/** Starts a keeper and returns when it has taken its place, or seen that another one has. */
function spawnKeeper(configuration: KeeperConfiguration): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...keeperProgram(), JSON.stringify(configuration)], {
      // In a session of its own: Ctrl-C in the terminal reaches us, and we decide when the server is done.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: parse(process.execPath).root,
      env: keeperEnvironment(),
      windowsHide: true,
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    child.once('error', reject);
    child.once('close', () => {
      // Of a stack trace, the line that says what happened.
      const first = errors.split('\n').find((line) => /Error\b.*:/.test(line)) ?? errors.trim();
      reject(embeddedError('The keeper of the server did not start.', { log: [first] }));
    });
    child.stdout.once('data', () => {
      child.unref();
      child.stdout.destroy();
      child.stderr.destroy();
      resolve();
    });
  });
}

/** The keeper is a file beside this one: compiled in the published package, TypeScript in its own repository. */
function keeperProgram(): string[] {
  const extension = extname(fileURLToPath(import.meta.url));
  const program = fileURLToPath(new URL(`./keeper${extension}`, import.meta.url));
  if (extension !== '.ts') return [program];
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--import', tsx, program];
}

function keeperEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _mine, ...environment } = process.env;
  return environment;
}
