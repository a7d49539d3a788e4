import { sleep } from '../../runtime/src/foundation/sleep.ts';
import { isPotterError } from '../../runtime/src/errors/potter-error.ts';

/** What anybody does whose answer was lost with its connection: asks again. */
export async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPotterError(error, 'DATABASE_UNAVAILABLE')) throw error;
      await sleep(20);
    }
  }
}
