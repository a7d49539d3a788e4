import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A service started as its owner would, in a process group of its own. */
export interface StartedService extends AsyncDisposable {
  readonly url: string;
  /** Ctrl-C, as a terminal sends it: to the whole group. Resolves with the exit code, or the signal that was needed. */
  stop(): Promise<number | NodeJS.Signals | null>;
  output(): string;
}

const LISTENING = /https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):(?<port>\d+)/u;

/** Runs `npm run <script>` and waits until it says where it listens. */
export async function startService(
  directory: string,
  script: string,
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<StartedService> {
  const child = spawn('npm', ['run', script], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const ended = once(child, 'close');
  // A group of its own does not hear the terminal's Ctrl-C to us: whoever ends early takes the service along.
  const killWithUs = (): void => {
    signalGroup(child, 'SIGKILL');
  };
  process.once('exit', killWithUs);
  child.once('close', () => process.off('exit', killWithUs));
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new Error(
          `'npm run ${script}' did not say where it listens within ${timeoutMs} ms:\n${output}`,
        ),
      );
    }, timeoutMs);
    const look = (text: string): void => {
      output += text;
      const port = LISTENING.exec(/.*listening.*/iu.exec(output)?.[0] ?? '')?.groups?.['port'];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(`http://127.0.0.1:${port}`);
    };
    child.stdout.setEncoding('utf8').on('data', look);
    child.stderr.setEncoding('utf8').on('data', look);
    child.once('close', (code) => {
      clearTimeout(timer);
      reject(
        new Error(`'npm run ${script}' ended with ${String(code)} before it listened:\n${output}`),
      );
    });
  }).catch((error: unknown) => {
    signalGroup(child, 'SIGKILL');
    throw error;
  });
  const stop = async (): Promise<number | NodeJS.Signals | null> => {
    signalGroup(child, 'SIGINT');
    const GRACE_MS = 20_000;
    const timer = setTimeout(() => {
      signalGroup(child, 'SIGKILL');
    }, GRACE_MS);
    await ended;
    clearTimeout(timer);
    return child.exitCode ?? child.signalCode;
  };
  return {
    url,
    stop,
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) await stop();
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone: what was wanted.
  }
}

/** Waits for every process that works in a directory, or was started with it in its words, to be gone; returns who stays. */
export async function processesLeftIn(
  directory: string,
  withinMs: number,
): Promise<readonly string[]> {
  const deadline = Date.now() + withinMs;
  const LOOK_AGAIN_MS = 100;
  for (;;) {
    const left = processesIn(directory);
    if (left.length === 0 || Date.now() > deadline) return left;
    // Nothing notifies about a process that is not a child.
    await delay(LOOK_AGAIN_MS);
  }
}

function processesIn(directory: string): readonly string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const cwd = readlinkSync(`/proc/${pid}/cwd`);
        return words.includes(directory) || cwd.startsWith(directory) ? [`${pid} ${words}`] : [];
      } catch {
        // Ended between the listing and the look, or somebody else's.
        return [];
      }
    });
}
