import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { compiled } from './compiled-programs.ts';

/** How a program is run. */
export interface ProgramOptions {
  readonly cwd?: string;
  /** On top of an environment without DATABASE_URL and NODE_ENV. */
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/** A TypeScript program in a process of its own. Disposing kills it. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Everything written so far. */
  output(): string;
  /** Settles when something matching was written. Fails when the program ends without it. */
  wrote(pattern: RegExp): Promise<RegExpExecArray>;
  /** Settles with the exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
}

/** Runs a TypeScript file, which this run has compiled. */
export function runProgram(
  file: string,
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Program {
  const { DATABASE_URL: _url, NODE_ENV: _env, ...inherited } = process.env;
  const { env, ...rest } = options;
  const child = spawn(process.execPath, [compiled(file), ...args], {
    ...rest,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...env },
  });
  return new SpawnedProgram(child);
}

class SpawnedProgram implements Program {
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;
  #text = '';
  readonly #watchers = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.#text += chunk;
        for (const watcher of this.#watchers) watcher();
      });
    }
    // 'close' rather than 'exit': only then everything has been read.
    this.ended = once(child, 'close').then(
      ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
    );
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  output(): string {
    return this.#text;
  }

  wrote(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(this.#text);
        if (match === null) return;
        this.#watchers.delete(look);
        resolve(match);
      };
      this.#watchers.add(look);
      look();
      void this.ended.then((code) =>
        reject(new Error(`ended with ${code} without ${String(pattern)}:\n${this.#text}`)),
      );
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
