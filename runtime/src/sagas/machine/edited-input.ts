import { PotterError } from '../../errors/potter-error.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { SagaMessage } from '../saga-message.ts';
import { asStored } from '../stored-value.ts';

type Edit = Pick<Extract<SagaMessage, { kind: 'edit' }>, 'input' | 'merge'>;

/**
 * The input of a saga once it was edited.
 * @throws PotterError `INVALID_ARGUMENT` for a merge of what has no members; what the definition's `parseInput` throws.
 */
export function editedInput(
  definition: Pick<SagaDefinition, 'parseInput'> | undefined,
  before: unknown,
  { input, merge = false }: Edit,
): unknown {
  const edited = merge ? merged(before, input) : input;
  return definition?.parseInput ? asStored(definition.parseInput(edited)) : edited;
}

function merged(before: unknown, changes: unknown): unknown {
  if (isRecord(before) && isRecord(changes)) return { ...before, ...changes };
  throw new PotterError('INVALID_ARGUMENT', {
    message: 'Only an object can be merged into an object.',
    remedy: 'Replace the input as a whole.',
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
