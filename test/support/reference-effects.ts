import type {
  PostgresPool,
  PostgresTransaction,
} from '../../runtime/src/postgres/connection/client.ts';
import { fence } from '../../runtime/src/postgres/fences/fence.ts';
import { inTransaction } from '../../runtime/src/postgres/connection/transaction.ts';
import type { SagaDefinition } from '../../runtime/src/sagas/definition/saga-definition.ts';
import type { SagaStore } from '../../runtime/src/sagas/saga-store.ts';
import type { TwoPhaseExecutor } from '../../runtime/src/sagas/two-phase-commit/coordinator.ts';
import { refusing } from '../../runtime/src/testing/fault-injection/crash-variants.ts';
import type { LedgerEntry } from '../../runtime/src/testing/participant-ledger.ts';
import { effectViolations } from '../../runtime/src/testing/saga-model/saga-effects.ts';
import { familyOf, storedFamily } from '../../runtime/src/testing/fault-injection/saga-family.ts';
import { journalViolations } from '../../runtime/src/testing/saga-model/saga-invariants.ts';
import { modelViolations } from '../../runtime/src/testing/saga-model/saga-model.ts';
import { halfDone } from './reference-two-phase.ts';
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
 * @param together a process's coordinator
 * @param hold asked with the key of every effect: before one, and in the middle of the transaction of one that is the saga's own
 * @param refused the step that says no; by way of its node for one of the saga within it: `deliver/pack`.
 */
export function referenceOn(
  pool: PostgresPool,
  together: TwoPhaseExecutor,
  refused = '',
  hold?: (key: string) => Promise<void>,
): Definition {
  const definition = referenceSaga<PostgresTransaction>(
    {
      apply: async (key) => {
        await hold?.(key);
        await inTransaction(pool, (tx) => fence(tx, key, () => note(tx, key)));
        return key;
      },
      // Doing and undoing are exactly once here without a fence; it keeps an undo of nothing from having an effect.
      applyIn: async (tx, key) => {
        // A fence would have whoever comes next wait for this transaction.
        if (hold) await note(tx, key).then(() => hold(key));
        else await fence(tx, key, () => note(tx, key));
      },
      together,
    },
    REAL,
  );
  return refused === '' ? definition : refusing(definition, refused);
}

/** Its graph is looked at, and nothing of it is run. */
const NOBODY: TwoPhaseExecutor = {
  execute: () => new Promise(() => {}),
  abort: () => new Promise(() => {}),
};

/** Everything that is wrong with one reference saga and the one within it, by journals, model and effects. */
export async function referenceViolations(
  pool: PostgresPool,
  store: Pick<SagaStore<PostgresTransaction>, 'load' | 'journal'>,
  sagaId: string,
): Promise<readonly string[]> {
  const definition = referenceOn(pool, NOBODY);
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
  const half = await halfDone(pool, sagaId);
  return [...found.flat().map(({ rule, detail }) => `${rule}: ${detail}`), ...half];
}

function entryOf(key: string): LedgerEntry {
  const [sagaId = '', step = '', kind] = key.split('/');
  return { key, sagaId, step, kind: kind === 'undo' ? 'undo' : 'do', empty: false };
}
