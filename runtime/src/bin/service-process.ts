import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PotterError } from '../errors/potter-error.ts';

/** After this long a service that was asked to stop is killed. */
const STOP_PATIENCE_MS = 15_000;

/** How a service ended. One that a signal ended has 128 plus the signal's number as its code, as in a shell. */
export interface ServiceEnd {
  readonly code: number;
  /** `crashed`: by an error that nobody caught, or a signal such as SIGSEGV. `killed`: from outside, by SIGKILL. */
  readonly kind: 'exited' | 'crashed' | 'killed';
}

/** A running service. */
export class ServiceProcess {
  readonly ended: Promise<ServiceEnd>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = new Promise((resolve, reject) => {
      let crashed = false;
      child.stdio[3]?.on('data', () => {
        crashed = true;
      });
      child.once('error', reject);
      // 'close' rather than 'exit': only then everything that the guard said has been read.
      child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
        if (signal === 'SIGKILL') resolve({ kind: 'killed', code: codeOf(signal) });
        else if (signal !== null) resolve({ kind: 'crashed', code: codeOf(signal) });
        else resolve({ kind: crashed ? 'crashed' : 'exited', code: code ?? 0 });
      });
    });
  }

  /** Starts a TypeScript file. */
  static start(
    entry: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv,
  ): ServiceProcess {
    const guard = new URL(`./dev-guard${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
    const options = ['--import', findTsx(), '--import', guard.href, entry, ...args];
    const child = spawn(process.execPath, options, {
      stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
      // The guard looks after it; npm's own sign would be a second one.
      env: { ...environment, POTTER_DEV_GUARD: '1', npm_lifecycle_event: undefined },
      // In a session of its own: a Ctrl-C reaches it once, from us, and not also from the terminal and from npm.
      detached: process.platform !== 'win32',
    });
    // The pipe tells the service that we are alive, and us of its errors; that it breaks is no news.
    child.stdio[3]?.on('error', () => {});
    return new ServiceProcess(child);
  }

  /** Passes a signal on. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the service and everything it started. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }

  /** Asks the service to stop and waits until it has. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_PATIENCE_MS);
    await this.ended;
    clearTimeout(timer);
  }
}

function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** The project's own tsx, or else ours. */
function findTsx(): string {
  for (const origin of [join(process.cwd(), 'package.json'), fileURLToPath(import.meta.url)]) {
    try {
      return pathToFileURL(createRequire(origin).resolve('tsx')).href;
    } catch {
      // Not there; the next one.
    }
  }
  throw new PotterError('INVALID_CONFIGURATION', {
    message: "The npm package 'tsx' is not installed.",
    remedy: "Run 'npm install --save-dev tsx'.",
  });
}
