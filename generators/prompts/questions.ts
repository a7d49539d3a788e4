import type { ExampleDefinition } from '../examples/example-definition.ts';

/** What a person can be asked. Every question has an argument or option that answers it beforehand. */
export interface Questions {
  /** Answered by the first argument. */
  example(examples: readonly ExampleDefinition[]): Promise<string>;
  /** Answered by the second argument. */
  directory(proposal: string): Promise<string>;
}
