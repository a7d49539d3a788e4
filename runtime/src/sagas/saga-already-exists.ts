import { PotterError } from '../errors/potter-error.ts';
import type { NewSaga } from './saga-store.ts';

/** What a store says to whoever creates a saga under an id that another one has. */
export function sagaAlreadyExists({
  sagaId,
  definition,
}: Pick<NewSaga, 'sagaId' | 'definition'>): PotterError {
  return new PotterError('SAGA_ALREADY_EXISTS', {
    message: `Saga '${sagaId}' was started before with another definition or input.`,
    remedy: 'Use another saga id, or start it with the same definition and input.',
    details: { sagaId, definition },
  });
}
