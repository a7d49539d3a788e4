import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Api, createApi } from '../../scripts/api.ts';
import { patient } from './patient.ts';

/** The service as a process of its own, as in production: what a test kills is what a crash kills. */
export interface RunningService extends AsyncDisposable {
  readonly url: string;
  readonly api: Api;
  /** Everything it wrote so far. */
  output(): string;
  /** kill -9: it gets no chance to say goodbye. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

// What a machine may take that does everything else beside. What hangs takes longer.
const START_TIMEOUT_MS = 100_000;
const SHUTDOWN_TIMEOUT = '60s';

/** Starts what was built on a free port with these variables. Rejects, with its output, when it ends before it listens. */
export async function startService(environment: Record<string, string>): Promise<RunningService> {
  const { child, output } = launch(environment);
  const url = await listening(child, output);
  // Not `exit`: what it said last may still be on its way then.
  const ended = once(child, 'close');
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await ended;
    }
    return child.exitCode;
  };
  return {
    url,
    api: patient(createApi(url)),
    output,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    [Symbol.asyncDispose]: async () => void (await end('SIGTERM')),
  };
}

/** Starts it with variables it should refuse; resolves to its exit code and what it wrote. */
export async function startRefused(
  environment: Record<string, string>,
): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  const { child, output } = launch(environment);
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  await once(child, 'close');
  clearTimeout(timer);
  return { exitCode: child.exitCode, output: output() };
}

function launch(environment: Record<string, string>): {
  child: ChildProcess;
  output: () => string;
} {
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: { ...process.env, NODE_ENV: 'test', PORT: '0', SHUTDOWN_TIMEOUT, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  }
  return { child, output: () => chunks.join('') };
}

function listening(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`The service ${why}:\n${output()}`));
    const timer = setTimeout(() => {
      fail(`did not listen within ${START_TIMEOUT_MS} ms`);
      child.kill('SIGKILL');
    }, START_TIMEOUT_MS);
    child.once('close', (code) => {
      clearTimeout(timer);
      fail(`ended with ${code} before it listened`);
    });
    child.stdout?.on('data', () => {
      // With what follows it: half an address may be here already.
      const url = /listening on (http:\/\/[^\s"]+)[\s"]/.exec(output())?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}
