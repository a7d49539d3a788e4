import { isCancel, select, text } from '@clack/prompts';
import type { Questions } from './questions.ts';

/** Questions in the terminal, on stderr so that stdout stays clean. */
export const clackQuestions: Questions = {
  example: (examples) =>
    answered((signal) =>
      select({
        message: 'Which example?',
        options: examples.map(({ name, summary }) => ({ value: name, label: name, hint: summary })),
        output: output(),
        signal,
      }),
    ),
  directory: (proposal) =>
    answered((signal) =>
      text({
        message: 'Into which directory?',
        placeholder: proposal,
        defaultValue: proposal,
        output: output(),
        signal,
      }),
    ),
};

/** The answer; undefined after Ctrl-C, and after Ctrl-D: with its input ended, nothing would keep the process waiting, and it would end with 0. */
async function answered(
  ask: (signal: AbortSignal) => Promise<string | symbol>,
): Promise<string | undefined> {
  const nobody = new AbortController();
  const leave = (): void => {
    nobody.abort();
  };
  process.once('beforeExit', leave);
  try {
    const answer = await ask(nobody.signal);
    return isCancel(answer) ? undefined : String(answer);
  } finally {
    process.off('beforeExit', leave);
  }
}

/** Terminals that do not know their size say 0: the prompt would put every letter on a line of its own, and show one choice. */
function output(): typeof process.stderr {
  if (process.stderr.columns === 0) process.stderr.columns = 80;
  if (process.stderr.rows === 0) process.stderr.rows = 24;
  return process.stderr;
}
