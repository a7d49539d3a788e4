import { Engine } from './engine/engine.ts';
import type { SagaEngine, SagaEngineOptions } from './saga-engine.ts';

/**
 * Makes an engine.
 * @throws PotterError `SAGA_DEFINITION_INVALID` when two definitions have the same name and version,
 * `INVALID_ARGUMENT` for an option that cannot be used.
 */
export function createSagaEngine<Tx>(options: SagaEngineOptions<Tx>): SagaEngine<Tx> {
  return new Engine<Tx>(options);
}
