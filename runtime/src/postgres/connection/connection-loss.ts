import { isPotterError } from '../../errors/potter-error.ts';
import { translatePostgresError } from './errors.ts';

/** Whether nobody knows what became of a statement, so that running it again could do it twice. */
export function isConnectionLoss(error: unknown): boolean {
  return isPotterError(translatePostgresError(error), 'DATABASE_UNAVAILABLE');
}
