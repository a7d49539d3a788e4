import { isCancel, select, text } from '@clack/prompts';
import type { Questions } from './questions.ts';

/** Questions in the terminal, on stderr so that stdout stays clean. */
export const clackQuestions: Questions = {
  example: async (examples) =>
    answered(
      await select({
        message: 'Which example?',
        options: examples.map(({ name, summary }) => ({ value: name, label: name, hint: summary })),
        output: output(),
      }),
    ),
  directory: async (proposal) =>
    answered(
      await text({
        message: 'Into which directory?',
        placeholder: proposal,
        defaultValue: proposal,
        output: output(),
      }),
    ),
};

const answered = (answer: string | symbol): string | undefined =>
  isCancel(answer) ? undefined : String(answer);

/** Terminals that do not know their size say 0 columns, and the prompt would put every letter on a line of its own. */
function output(): typeof process.stderr {
  if (process.stderr.columns === 0) process.stderr.columns = 80;
  return process.stderr;
}
