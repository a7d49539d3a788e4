import { join } from 'node:path';
import { PrecompiledTemplates, type TemplateChunk } from '../engine/precompiled-templates.ts';
import type { GeneratorFacts } from '../engine/template-data.ts';
import { EXAMPLES } from '../examples/registry.ts';
import { processContext } from './process-context.ts';
import { run } from './run.ts';

/** Put in by scripts/build-cli.ts. */
declare const GENERATOR_FACTS: GeneratorFacts;

/** The command line as it is published: one bundled file, with templates and prompts in files that are read when needed. */
async function main(): Promise<void> {
  process.exitCode = await run(process.argv.slice(2), {
    ...processContext(),
    examples: EXAMPLES,
    templates: new PrecompiledTemplates(loadChunk),
    facts: GENERATOR_FACTS,
    defaultRuntime: async () => `^${GENERATOR_FACTS.runtimeVersion}`,
    invocation: `npx create-potter-example@${GENERATOR_FACTS.generatorVersion}`,
    loadQuestions: async () => (await import('../prompts/clack-questions.ts')).clackQuestions,
  });
}

/** The bundle is CommonJS, which starts faster; `require` is its own, and the chunk lies beside it. */
function loadChunk(name: string): TemplateChunk {
  const file = join(__dirname, 'templates', `${name}.cjs`);
  const chunk: TemplateChunk = require(file);
  return chunk;
}

void main();
