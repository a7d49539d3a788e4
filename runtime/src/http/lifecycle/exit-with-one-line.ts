import { writeSync } from 'node:fs';
import { describeError } from '../../errors/describe-error.ts';
import { redactUrls } from '../logging/redaction.ts';

/** Ends a process that cannot start: one line on standard error that says why, exit code 1. */
export function exitWithOneLine(error: unknown): never {
  const line = redactUrls(describeError(error).message.replaceAll(/\s*\n\s*/g, ' '));
  // Written at once: an asynchronous write to a pipe might be cut off by the exit.
  writeSync(2, `${line}\n`);
  process.exit(1);
}
