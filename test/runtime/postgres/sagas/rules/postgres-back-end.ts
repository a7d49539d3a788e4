import { PostgresSagaStore, PostgresTwoPhaseLog } from 'potter-runtime/postgres';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import type { InMemoryTransaction, SagaStore } from 'potter-runtime/sagas';
import { interceptSagaStore, VirtualClock } from 'potter-runtime/testing';
import { createTestDatabase } from '../../../../support/database.ts';
import { isFullRun } from '../../../../support/full-run.ts';
import type { BackEnd, Ground } from '../../../sagas/saga-world.ts';
import { QuietPool, turn } from './quiet-pool.ts';
import { liveInVirtualTime } from './virtual-time.ts';

/** PostgreSQL to try the rules of sagas on, one database for all of them. */
export interface PostgresBackEnd extends BackEnd {
  close(): Promise<void>;
}

/** A database in virtual time. A rule finds its tables empty. */
export async function postgresBackEnd(): Promise<PostgresBackEnd> {
  const database = await createTestDatabase({ components: ['sagas', 'two-phase-commit'] });
  await liveInVirtualTime(database.pool);
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT format('potter.%I', tablename) AS name FROM pg_tables
     WHERE schemaname = 'potter' AND tablename NOT IN ('saga_feed', 'two_phase_coordinators')`,
  );
  // Of a few rows that is done before TRUNCATE has made its new files.
  const empty = rows.map(({ name }) => `DELETE FROM ${name}`).join('; ');
  let clock = new VirtualClock();
  const pool = await QuietPool.open(database.url, () => clock.now());
  const log = new PostgresTwoPhaseLog({ pool });
  let leave: (() => Promise<void>) | undefined;
  return {
    open: async (): Promise<Ground> => {
      await leave?.();
      await database.pool.query(empty);
      clock = new VirtualClock({ quiet: () => pool.quiet() });
      // Turns are taken in real time, of which this clock knows nothing.
      const store = new PostgresSagaStore({ pool, lookSpacingMs: 0 });
      let isOver = false;
      leave = async () => {
        isOver = true;
        // A connection that the store keeps for whatever comes next is not in the middle of anything.
        for (let n = 0; n < 3; n += 1) await turn();
        pool.takeBack();
        await store.close();
        await pool.quiet();
      };
      const open = interceptSagaStore(withEffects(store), (_call, proceed) =>
        isOver ? new Promise<never>(() => {}) : proceed(),
      );
      return { clock, store: open, log, turn };
    },
    // A rule about many cases is tried with some of them: each costs what a rule costs.
    stride: isFullRun ? 1 : 8,
    close: async () => {
      await leave?.();
      await pool.close();
      await database.close();
    },
  };
}

/** The transaction of a rule's step: what it is told happens if, and only if, the database commits. */
class Transaction implements InMemoryTransaction {
  readonly inner: PostgresTransaction;
  readonly effects: (() => void)[] = [];

  constructor(inner: PostgresTransaction) {
    this.inner = inner;
  }

  onCommit(effect: () => void): void {
    this.effects.push(effect);
  }
}

function withEffects(store: PostgresSagaStore): SagaStore<InMemoryTransaction> {
  return {
    ...interceptSagaStore(store, (_call, proceed) => proceed()),
    create: (saga, { transaction, ...options } = {}) =>
      store.create(saga, { ...options, ...innerOf(transaction) }),
    commit: (commit, { transaction } = {}) => store.commit(commit, innerOf(transaction)),
    transaction: async (work) => {
      const effects: (() => void)[] = [];
      const value = await store.transaction((inner) => {
        const transaction = new Transaction(inner);
        effects.push(() => transaction.effects.forEach((effect) => effect()));
        return work(transaction);
      });
      for (const effect of effects) effect();
      return value;
    },
  };
}

function innerOf(transaction: InMemoryTransaction | undefined): {
  readonly transaction?: PostgresTransaction;
} {
  return transaction instanceof Transaction ? { transaction: transaction.inner } : {};
}
