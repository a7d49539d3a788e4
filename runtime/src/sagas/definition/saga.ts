import { GraphBuilder } from './graph-builder.ts';
import { checkName, invalidDefinition } from './names.ts';
import type { SagaBuilder } from './saga-builder.ts';
import type { SagaOptions } from './saga-definition.ts';

/**
 * Begins the definition of a saga: steps that are done in order, and undone in reverse order when one of them cannot be done.
 * Give `Tx` (`PostgresTransaction`) when it has transactional steps.
 * @throws PotterError `SAGA_DEFINITION_INVALID` for a name or option that cannot be used.
 */
export function saga<Input, Tx = unknown>(
  name: string,
  options: SagaOptions<Input> = {},
): SagaBuilder<Input, Tx, unknown> {
  checkName('saga', name);
  checkWhole('version', options.version);
  checkWhole('snapshotEvery', options.snapshotEvery);
  checkWhole('maxInterruptions', options.maxInterruptions);
  // The one place where types are put on: everything below takes what these types let through.
  return new GraphBuilder(name, options) as unknown as SagaBuilder<Input, Tx, unknown>;
}

function checkWhole(option: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw invalidDefinition(`The option ${option} is ${value}; it must be a whole number from 1.`);
}
