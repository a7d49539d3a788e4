import { writeSync } from 'node:fs';
import type { CliContext } from './cli-context.ts';

/** The part of the context that every real process shares. */
export function processContext(): Pick<
  CliContext,
  'cwd' | 'env' | 'terminal' | 'stdout' | 'stderr'
> {
  return {
    cwd: process.cwd(),
    env: process.env,
    // Asking for a stream loads all of node:net: only for those who may be asked something.
    terminal: () => process.stdin.isTTY && process.stderr.isTTY,
    stdout: (text) => {
      write(1, text);
    },
    stderr: (text) => {
      write(2, text);
    },
  };
}

/** Synchronous, so that the order of the two streams is the order of the calls and nothing is lost at exit. */
function write(descriptor: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(descriptor, bytes, offset);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // The reader went away (`| head`): there is nobody left to tell.
      if (code === 'EPIPE') return;
      // A full non-blocking pipe: its reader is slow, so is this.
      if (code !== 'EAGAIN') throw error;
    }
  }
}
