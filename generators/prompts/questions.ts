import type { ExampleDefinition } from '../examples/example-definition.ts';

/**
 * What a person can be asked. Every question has an argument or option that answers it beforehand; the answer is undefined when
 * the person left with Ctrl-C. Plain values only: the prompts are a bundle of their own, whose error classes would be strangers.
 */
export interface Questions {
  /** Answered by the first argument. */
  example(examples: readonly ExampleDefinition[]): Promise<string | undefined>;
  /** Answered by the second argument. */
  directory(proposal: string): Promise<string | undefined>;
}
