import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkoutFacts } from '../generators/cli/checkout-facts.ts';
import { processContext } from '../generators/cli/process-context.ts';
import { run } from '../generators/cli/run.ts';
import { DirectoryTemplates } from '../generators/engine/directory-templates.ts';
import { EXAMPLES } from '../generators/examples/registry.ts';
import { CHECKOUT } from './checkout.ts';
import { packRuntime } from './pack-runtime.ts';

/**
 * `npm run create -- <example> [directory]`: what `npm create potter-example` is, before publication. Templates come from
 * `templates/`, and the project gets the runtime of this checkout as a tarball, so that it installs on its own.
 */
const context = processContext();
process.exitCode = await run(process.argv.slice(2), {
  ...context,
  // npm runs scripts in the checkout; the user's directory is where npm was called.
  cwd: process.env['INIT_CWD'] ?? context.cwd,
  examples: EXAMPLES,
  templates: new DirectoryTemplates(join(CHECKOUT, 'templates')),
  facts: checkoutFacts((path) => readFileSync(join(CHECKOUT, path), 'utf8')),
  defaultRuntime: packRuntime,
  invocation: 'npm run create --',
  loadQuestions: async () =>
    (await import('../generators/prompts/clack-questions.ts')).clackQuestions,
});
