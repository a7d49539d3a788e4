import type {
  PostgresPool,
  PostgresTransaction,
} from '../../runtime/src/postgres/connection/client.ts';
import { fence } from '../../runtime/src/postgres/fences/fence.ts';
import { inTransaction } from '../../runtime/src/postgres/connection/transaction.ts';
import type { SagaDefinition } from '../../runtime/src/sagas/definition/saga-definition.ts';
import type { SagaStore } from '../../runtime/src/sagas/saga-store.ts';
import { refusing } from '../../runtime/src/testing/crash-variants.ts';
import type { LedgerEntry } from '../../runtime/src/testing/participant-ledger.ts';
import { effectViolations } from '../../runtime/src/testing/saga-effects.ts';
import { familyOf, storedFamily } from '../../runtime/src/testing/saga-family.ts';
import { journalViolations } from '../../runtime/src/testing/saga-invariants.ts';
import { modelViolations } from '../../runtime/src/testing/saga-model.ts';
import { type ReferenceInput, referenceSaga } from './reference-saga.ts';

type Definition = SagaDefinition<ReferenceInput, PostgresTransaction>;

/** A pace for a real clock. */
const REAL = { sleep: 30, patience: '1m', firstRetry: 20 } as const;

async function note(tx: PostgresTransaction, key: string): Promise<void> {
  const [sagaId] = key.split('/');
  await tx.query({
    text: 'INSERT INTO effects (saga_id, key) VALUES ($1, $2)',
    values: [sagaId, key],
  });
}

/**
 * The reference saga with participants behind fences, in the table of `EFFECTS_TABLE`: nothing in it stops a second row for
 * one key.
 * @param refused the step that says no; by way of its node for one of the saga within it: `deliver/pack`.
 */
export function referenceOn(pool: PostgresPool, refused = ''): Definition {
  const definition = referenceSaga<PostgresTransaction>(
    {
      apply: (key) =>
        inTransaction(pool, async (tx) => {
          await fence(tx, key, () => note(tx, key));
          return key;
        }),
      // Doing and undoing are exactly once here without a fence; it keeps an undo of nothing from having an effect.
      applyIn: (tx, key) => fence(tx, key, () => note(tx, key)).then(() => undefined),
    },
    REAL,
  );
  return refused === '' ? definition : refusing(definition, refused);
}

/** Everything that is wrong with one reference saga and the one within it, by journals, model and effects. */
export async function referenceViolations(
  pool: PostgresPool,
  store: Pick<SagaStore<PostgresTransaction>, 'load' | 'journal'>,
  sagaId: string,
): Promise<readonly string[]> {
  const definition = referenceOn(pool);
  const family = await storedFamily(store, familyOf(sagaId, definition));
  const found = await Promise.all(
    family.map(async (member) => {
      const { rows } = await pool.query<{ key: string }>({
        text: 'SELECT key FROM effects WHERE saga_id = $1 ORDER BY no',
        values: [member.sagaId],
      });
      return [
        ...journalViolations(member.definition, member.journal),
        ...modelViolations(member.definition, member.journal),
        ...effectViolations(
          member,
          rows.map(({ key }) => entryOf(key)),
        ),
      ];
    }),
  );
  return found.flat().map(({ rule, detail }) => `${rule}: ${detail}`);
}

function entryOf(key: string): LedgerEntry {
  const [sagaId = '', step = '', kind] = key.split('/');
  return { key, sagaId, step, kind: kind === 'undo' ? 'undo' : 'do', empty: false };
}
