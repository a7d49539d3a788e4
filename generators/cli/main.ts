import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DirectoryTemplates } from '../engine/directory-templates.ts';
import { EXAMPLES } from '../examples/registry.ts';
import { checkoutFacts } from './checkout-facts.ts';
import { processContext } from './process-context.ts';
import { run } from './run.ts';

/** The command line in the checkout: templates are read from `templates/` and compiled on the fly. */
process.exitCode = await run(process.argv.slice(2), {
  ...processContext(),
  examples: EXAMPLES,
  templates: new DirectoryTemplates(fileURLToPath(new URL('../../templates', import.meta.url))),
  facts: checkoutFacts((path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')),
  invocation: process.env['POTTER_INVOCATION'] ?? 'npx tsx generators/cli/main.ts',
  loadQuestions: async () => (await import('../prompts/clack-questions.ts')).clackQuestions,
});
