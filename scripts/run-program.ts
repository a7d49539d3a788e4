import { spawn } from 'node:child_process';

export interface ProgramOptions {
  readonly cwd: string;
  /** Default: this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Give up and kill the program after this. Default: never. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end and returns what it wrote to stdout. A failure throws with everything it wrote. */
export async function runProgram(
  program: string,
  words: readonly string[],
  options: ProgramOptions,
): Promise<string> {
  const child = spawn(program, words, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
    ...(options.timeoutMs === undefined
      ? {}
      : { timeout: options.timeoutMs, killSignal: 'SIGKILL' }),
  });
  let stdout = '';
  let everything = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    everything += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    everything += text;
  });
  const ending = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('close', (code, signal) => {
      resolve(code === 0 ? undefined : `ended with ${code ?? signal ?? 'nothing'}`);
    });
  });
  if (ending === undefined) return stdout;
  throw new Error(`${program} ${words.join(' ')} (in ${options.cwd}) ${ending}\n${everything}`);
}
