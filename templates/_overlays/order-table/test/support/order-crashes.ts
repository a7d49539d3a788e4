import type { InMemoryTransaction, SagaDefinition } from 'potter-runtime/sagas';
import { crashEverywhere, type CrashReport, type LedgerClient } from 'potter-runtime/testing';

/**
 * Kills the saga of an order before, during and after every write, forwards and undoing. Beside the rules of sagas it is a
 * violation when the order does not end as the saga does.
 * @param sagaOn the saga on participants that keep this ledger, and note each end of the order
 */
export function crashesOf<Input>(
  input: Input,
  sagaOn: (ledger: LedgerClient, ends: string[]) => SagaDefinition<Input, InMemoryTransaction>,
): Promise<CrashReport> {
  // Outlives the processes of a run, as a database would.
  const ends: string[] = [];
  return crashEverywhere({
    scenario: (ledger) => ({ definition: sagaOn(ledger, ends), input }),
    check: ({ status }) => {
      const wanted = status === 'completed' ? 'completed' : 'cancelled';
      const ended = ends.splice(0).join();
      return ended === wanted ? [] : [`the saga is ${status}, its order ${ended}`];
    },
  });
}
