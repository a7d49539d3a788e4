import { isPotterError } from '../../errors/potter-error.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { MachineInput } from '../machine/machine-input.ts';
import { failureOf } from './invocation.ts';

/** Inputs of a commit whose results the store cannot keep: those become failures of their steps. @throws what else was wrong. */
export function withoutUnstorable(
  definition: SagaDefinition,
  inputs: readonly MachineInput[],
  error: unknown,
  now: Date,
): readonly MachineInput[] {
  const hasResult = inputs.some(({ kind }) => kind === 'attempt-completed');
  if (!hasResult || !isPotterError(error, 'SERIALIZATION_FAILED')) throw error;
  return inputs.map((input) =>
    input.kind === 'attempt-completed' ? failureOf(definition, input, error, now) : input,
  );
}
