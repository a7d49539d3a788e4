import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '../..');
/** Inside the project, so that the driver is found from there. */
const bundle = join(root, 'node_modules/.cache/potter-tests', `saga-process-${process.pid}.mjs`);
let built: Promise<unknown> | undefined;

/** A running process of sagas. */
export interface SagaProcess {
  readonly child: ChildProcess;
  /** What it said, line by line. */
  readonly lines: readonly string[];
  /** Resolves when it has said a line that begins so. @throws Error when it ends before. */
  said(start: string): Promise<string>;
  /** The same of so many such lines. */
  saidTimes(start: string, times: number): Promise<string>;
  /** How it ended: `SIGKILL`, or its exit code. */
  readonly ended: Promise<NodeJS.Signals | number | null>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a process that runs sagas on a database; bundled once, so that it starts in a fraction of a second. */
export async function startSagaProcess(
  databaseUrl: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<SagaProcess> {
  built ??= build({
    entryPoints: [join(root, 'test/support/saga-process.program.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['pg', 'uuid'],
    logLevel: 'silent',
  });
  await built;
  const child = spawn(process.execPath, [bundle], {
    env: { ...process.env, ...environment, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const ended = once(child, 'close').then(
    ([code, signal]) => (signal ?? code) as NodeJS.Signals | number | null,
  );
  const saidTimes = (start: string, times: number): Promise<string> =>
    new Promise((resolveLine, reject) => {
      const look = (): void => {
        const line = lines.filter((text) => text.startsWith(start))[times - 1];
        if (line === undefined) return;
        waiting.delete(look);
        resolveLine(line);
      };
      waiting.add(look);
      look();
      void ended.then((how) =>
        reject(new Error(`the process ended (${how}) without saying '${start}'`)),
      );
    });
  return {
    child,
    lines,
    ended,
    kill: (signal) => void child.kill(signal),
    said: (start) => saidTimes(start, 1),
    saidTimes,
  };
}
