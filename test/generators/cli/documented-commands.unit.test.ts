import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DirectoryTemplates } from '../../../generators/engine/directory-templates.ts';
import { EXAMPLES } from '../../../generators/examples/registry.ts';
import { resultOf, runCli } from '../support/cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const root = new URL('../../../', import.meta.url);
const templates = new DirectoryTemplates(fileURLToPath(new URL('templates', root)));

/** How the command is called, by whoever calls it; what follows are its words. */
const CALLS =
  /(?:(npm|pnpm|yarn|bun) create potter-example|(npx) create-potter-example|npm run (create) --) ([\w-]+ [\w./ -]+)/g;

const calls = ['README.md', 'docs/generator.md'].flatMap((file) =>
  [...readFileSync(new URL(file, root), 'utf8').matchAll(CALLS)].map((found) => ({
    by: found[1] ?? found[2] ?? found[3] ?? '',
    words: (found[4] ?? '').split(' ').filter((word) => word !== '' && word !== '--'),
  })),
);

test('README and docs say how it is called with every package manager', () => {
  const callers = [...new Set(calls.map(({ by }) => by))].sort();
  expect(callers).toEqual(['bun', 'create', 'npm', 'npx', 'pnpm', 'yarn']);
});

test.each(calls)('what they say works, in a dry run: $by $words', async ({ words }) => {
  using directory = temporaryDirectory();
  const target = words.map((word) => word.replace('../', ''));
  const dry = [...target, '--dry-run', '--json'];
  const { stdout } = await runCli(dry, directory.path, { examples: EXAMPLES, templates });
  expect(resultOf(stdout)).toMatchObject({ ok: true, dryRun: true, example: words[0] });
});
