/** The exit codes of the process. Stable: scripts depend on them. docs/generator.md repeats this table and a test compares. */
export const EXIT_CODES = {
  0: 'done',
  1: 'an error inside the generator, or a broken template',
  2: 'usage: unknown option, example or value, or an unsupported Node.js',
  3: 'the target cannot take the project: not empty, not writable, no space',
  4: 'an answer is needed that nobody gave, or the prompt was cancelled',
  5: 'the project was written, but a step after it failed',
  6: 'merge conflicts are left',
} as const;
