import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWrite } from '../../../../runtime/src/postgres/sagas/store/write.ts';
import { runWrites } from '../../../../runtime/src/postgres/sagas/store/write-run.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import {
  attemptCompleted,
  claimBy,
  claimed,
  firstCommit,
  newSaga,
  registered,
} from './saga-fixtures.ts';

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

describe('grouped commits', () => {
  test('commits of many sagas at once share few statements, and each is in its journal', async () => {
    const workerId = await registered(store);
    const lease = { workerId, token: 1n };
    const statements = countStatements();
    const counted = new PostgresSagaStore({ pool: statements.pool });
    const sagas = Array.from({ length: 100 }, () => newSaga());

    await Promise.all(sagas.map((saga) => counted.create(saga, { lease })));
    const outcomes = await Promise.all(
      sagas.map(({ sagaId }) => counted.commit(firstCommit(sagaId, lease))),
    );

    expect(outcomes).toEqual(sagas.map(() => ({ kind: 'committed', seq: 4n })));
    expect(statements.count()).toBeLessThanOrEqual(8);
    const journals = await Promise.all(sagas.map(({ sagaId }) => counted.journal(sagaId)));
    for (const journal of journals) {
      expect(journal.map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 4n]);
    }
    await counted.close();
  });

  test('a group says by which transaction of the server it was written', async () => {
    await store.transaction(async (transaction) => {
      const group = [createWrite(newSaga(), null), createWrite(newSaga(), null)];
      const written = await runWrites(transaction, group, 0);
      const { rows } = await transaction.query<{ readonly id: string }>({
        text: 'SELECT pg_current_xact_id()::text AS id',
      });
      expect(String(written.transaction)).toBe(rows[0]?.id);
    });
  });

  test('a refused commit of a group is nobody else’s', async () => {
    const workerId = await registered(store);
    const lease = { workerId, token: 1n };
    const [good, stale, diverged, told] = [newSaga(), newSaga(), newSaga(), newSaga()] as const;
    await Promise.all([good, stale, diverged, told].map((saga) => store.create(saga, { lease })));
    const cancel = { kind: 'cancel', messageId: newId(), at: new Date() } as const;
    await store.post(told.sagaId, cancel);

    const outcomes = await Promise.all([
      store.commit(firstCommit(stale.sagaId, { workerId, token: 2n })),
      store.commit(firstCommit(good.sagaId, lease)),
      store.commit(firstCommit(diverged.sagaId, lease, { expectedSeq: 7n })),
      store.commit(firstCommit(told.sagaId, lease)),
      store.commit(firstCommit('nobody', lease)),
    ]);

    expect(outcomes).toEqual([
      { kind: 'lease-lost' },
      { kind: 'committed', seq: 4n },
      { kind: 'diverged', seq: 2n },
      { kind: 'messages', inbox: [{ seq: 1n, message: cancel }] },
      { kind: 'lease-lost' },
    ]);
    expect((await store.load(stale.sagaId))?.tail).toHaveLength(2);
  });

  test('a value that the database refuses fails its own write only', async () => {
    const lease = { workerId: await registered(store), token: 1n };
    const spoilt = newSaga({ correlationId: 'a \u0000 in it' });
    const sagas = [newSaga(), spoilt, newSaga()];
    const outcomes = await Promise.allSettled(sagas.map((saga) => store.create(saga, { lease })));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('a result that JSON cannot carry fails before anything is written', async () => {
    const lease = { workerId: await registered(store), token: 1n };
    const saga = newSaga();
    await store.create(saga, { lease });
    const commit = firstCommit(saga.sagaId, lease, { events: [attemptCompleted(() => 1)] });
    await expect(store.commit(commit)).rejects.toMatchObject({ code: 'SERIALIZATION_FAILED' });
    expect(await store.commit(firstCommit(saga.sagaId, lease))).toMatchObject({
      kind: 'committed',
    });
  });

  test('two commits of one saga asked for at once are made one after the other', async () => {
    const lease = { workerId: await registered(store), token: 1n };
    const saga = newSaga();
    await store.create(saga, { lease });
    const outcomes = await Promise.all([
      store.commit(firstCommit(saga.sagaId, lease)),
      store.commit(firstCommit(saga.sagaId, lease, { expectedSeq: 4n })),
      store.commit(firstCommit(saga.sagaId, lease, { expectedSeq: 4n })),
    ]);
    expect(outcomes).toEqual([
      { kind: 'committed', seq: 4n },
      { kind: 'committed', seq: 6n },
      { kind: 'diverged', seq: 6n },
    ]);
  });

  test('what a step returned comes back as it was, dates and bigints and odd characters included', async () => {
    const lease = { workerId: await registered(store), token: 1n };
    const result = {
      at: new Date('2026-01-02T03:04:05.678Z'),
      big: 2n ** 70n,
      text: 'a "quote", a \\, a \u0000, a \u001f, {curly}, NULL, ünï',
      nothing: null,
    };
    const saga = newSaga();
    await store.create(saga, { lease });
    await store.commit(firstCommit(saga.sagaId, lease, { events: [attemptCompleted(result)] }));
    const journal = await store.journal(saga.sagaId, { after: 2n });
    expect(journal[0]?.event).toMatchObject({ type: 'AttemptCompleted', result });
    expect(journal[0]?.event.at).toBeInstanceOf(Date);
  });

  test('running sagas change no indexed column, so that their rows stay out of the indexes', async () => {
    const lease = { workerId: await registered(store), token: 1n };
    const saga = newSaga();
    await store.create(saga, { lease });
    // Counted on one connection: the table's own counts also have what other connections report late.
    const [before, after] = await store.transaction(async (transaction) => {
      const sofar = await updatesOfSagas(transaction);
      for (let seq = 2n; seq < 12n; seq += 2n) {
        await store.commit(firstCommit(saga.sagaId, lease, { expectedSeq: seq }), { transaction });
      }
      return [sofar, await updatesOfSagas(transaction)];
    });
    expect((await store.journal(saga.sagaId)).length).toBe(12);
    expect(after.all - before.all).toBe(5);
    expect(after.cold - before.cold).toBeLessThanOrEqual(1);
  });
});

describe('creating', () => {
  test('the same saga twice is one saga; the creator is told that it is his, others that it was there', async () => {
    const lease = { workerId: await registered(store), token: 1n };
    const saga = newSaga();
    expect(await store.create(saga, { lease })).toEqual({ created: true, status: 'running' });
    expect(await store.create(saga, { lease })).toEqual({ created: true, status: 'running' });
    expect(await store.create(saga)).toEqual({ created: false, status: 'running' });
    await expect(store.create({ ...saga, fingerprint: 'another' })).rejects.toMatchObject({
      code: 'SAGA_ALREADY_EXISTS',
    });
    await store.commit(firstCommit(saga.sagaId, lease));
    expect(await store.create(saga, { lease })).toEqual({ created: false, status: 'running' });
  });

  test('a worker whose lease is over creates a saga for others', async () => {
    const saga = newSaga({ definition: 'late-creator' });
    await store.create(saga, { lease: { workerId: 'never-registered', token: 1n } });
    const [taken] = await claimed(
      store,
      claimBy(await registered(store), { definitions: [{ name: 'late-creator', version: 1 }] }),
    );
    expect(taken).toMatchObject({ sagaId: saga.sagaId, lease: { token: 2n } });
  });

  test('in a caller’s transaction it is there when that commits, and gone when it does not', async () => {
    const definitions = [{ name: 'in-transaction', version: 1 }];
    const workerId = await registered(store);
    const kept = newSaga({ definition: 'in-transaction' });
    const lost = newSaga({ definition: 'in-transaction' });
    const boom = new Error('the order could not be stored');
    await expect(
      store.transaction(async (transaction) => {
        await store.create(lost, { transaction });
        throw boom;
      }),
    ).rejects.toBe(boom);
    await store.transaction(async (transaction) => {
      await store.create(kept, { transaction });
      expect(await claimed(store, claimBy(workerId, { definitions }))).toEqual([]);
    });
    const taken = await claimed(store, claimBy(workerId, { definitions }));
    expect(taken.map(({ sagaId, lease }) => [sagaId, lease.token])).toEqual([[kept.sagaId, 1n]]);
  });
});

/** Updates of saga rows that this connection has not reported yet, and how many of them had to write the indexes too. */
async function updatesOfSagas(
  transaction: PostgresTransaction,
): Promise<{ readonly all: number; readonly cold: number }> {
  const { rows } = await transaction.query<{ all: number; cold: number }>({
    text: `SELECT n_tup_upd::int AS all, (n_tup_upd - n_tup_hot_upd)::int AS cold
      FROM pg_stat_xact_user_tables WHERE relname = 'sagas'`,
  });
  return rows[0] ?? { all: 0, cold: 0 };
}

/** The test's pool, with its statements counted. */
function countStatements(): { readonly pool: TestDatabase['pool']; readonly count: () => number } {
  let count = 0;
  const pool = new Proxy(database.pool, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'query') count += 1;
      return value.bind(target) as unknown;
    },
  });
  return { pool, count: () => count };
}
