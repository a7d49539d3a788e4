import type { GeneratorFacts } from '../engine/template-data.ts';
import type { TemplateSource } from '../engine/template-set.ts';
import type { ExampleDefinition } from '../examples/example-definition.ts';
import type { Questions } from '../prompts/questions.ts';

/** Everything the commands take from the outside, so that a test can be the outside. */
export interface CliContext {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person sits at both ends: stdin and stderr are terminals. */
  readonly terminal: () => boolean;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly examples: readonly ExampleDefinition[];
  readonly templates: TemplateSource;
  readonly facts: GeneratorFacts;
  /** The `--runtime` of those who give none: a version, or in the checkout a tarball packed on the spot. */
  readonly defaultRuntime: () => Promise<string>;
  /** How the user would call the same version again: `npx create-potter-example@0.1.0`. */
  readonly invocation: string;
  /** Loads the prompts; called only when one is going to be shown. */
  readonly loadQuestions: () => Promise<Questions>;
}

/** Whether a question may be asked: a person is there and nothing says that no person is. */
export function mayAsk(
  context: CliContext,
  flags: { readonly yes: boolean; readonly json: boolean },
): boolean {
  const { CI: ci } = context.env;
  const automated = ci !== undefined && ci !== '' && ci !== '0' && ci !== 'false';
  return !automated && !flags.yes && !flags.json && context.terminal();
}
