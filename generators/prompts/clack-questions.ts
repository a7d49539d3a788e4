import { isCancel, select, text } from '@clack/prompts';
import { GeneratorError } from '../engine/generator-error.ts';
import type { Questions } from './questions.ts';

/** Questions in the terminal, on stderr so that stdout stays clean. */
export const clackQuestions: Questions = {
  example: async (examples) =>
    answered(
      await select({
        message: 'Which example?',
        options: examples.map(({ name, summary }) => ({ value: name, label: name, hint: summary })),
        output: process.stderr,
      }),
    ),
  directory: async (proposal) =>
    answered(
      await text({
        message: 'Into which directory?',
        placeholder: proposal,
        defaultValue: proposal,
        output: process.stderr,
      }),
    ),
};

function answered(answer: string | symbol): string {
  if (!isCancel(answer)) return String(answer);
  throw new GeneratorError('CANCELLED', { message: 'cancelled; nothing was written' });
}
