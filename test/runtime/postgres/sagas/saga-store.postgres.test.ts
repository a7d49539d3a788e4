import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewSaga } from '../../../../runtime/src/sagas/saga-store.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import {
  attemptCompleted,
  claimBy,
  claimed,
  completed,
  firstCommit,
  newSaga,
  registered,
  running,
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

describe('claiming', () => {
  test('only what is due, only what this process can run, never more than the limit', async () => {
    const definition = `claim-${newId()}`;
    const definitions = [{ name: definition, version: 1 }];
    for (let n = 0; n < 5; n += 1) await order(definition);
    await order(definition, { definitionVersion: 2 });
    await order(definition, { summary: running({ wakeAt: new Date(Date.now() + 60_000) }) });
    const workerId = await registered(store);
    const request = claimBy(workerId, { definitions, limit: 3 });
    expect(await claimed(store, request)).toHaveLength(3);
    expect(await claimed(store, request)).toHaveLength(2);
    expect(await claimed(store, request)).toHaveLength(0);
    const counts = await store.unclaimable(definitions);
    expect(counts).toContainEqual({ name: definition, version: 2, count: 1 });
  });

  test('workers that claim at once never get the same saga, and together get all', async () => {
    const definition = `race-${newId()}`;
    const definitions = [{ name: definition, version: 1 }];
    const ids = await Promise.all(Array.from({ length: 200 }, () => order(definition)));
    const workers = await Promise.all(Array.from({ length: 8 }, () => registered(store)));
    const taken: string[] = [];
    const drain = async (workerId: string): Promise<void> => {
      while (taken.length < ids.length) {
        const sagas = await claimed(store, claimBy(workerId, { definitions, limit: 7 }));
        taken.push(...sagas.map(({ sagaId }) => sagaId));
      }
    };
    await Promise.all(workers.map(drain));
    expect(taken.toSorted()).toEqual(ids.toSorted());
  });

  test('a row that another transaction holds is passed over, not waited for', async () => {
    const definition = `held-${newId()}`;
    const definitions = [{ name: definition, version: 1 }];
    const held = await order(definition);
    const free = await order(definition);
    const workerId = await registered(store);
    await store.transaction(async (transaction) => {
      await transaction.query({
        text: 'SELECT 1 FROM potter.sagas WHERE saga_id = $1 FOR UPDATE',
        values: [held],
      });
      const taken = await claimed(store, claimBy(workerId, { definitions }));
      expect(taken.map(({ sagaId }) => sagaId)).toEqual([free]);
    });
    const later = await claimed(store, claimBy(workerId, { definitions }));
    expect(later.map(({ sagaId }) => sagaId)).toEqual([held]);
  });

  test('snapshot, journal after it and unseen messages come with the claim', async () => {
    const definition = `tail-${newId()}`;
    const definitions = [{ name: definition, version: 1 }];
    const saga = newSaga({ definition });
    const first = { workerId: await registered(store), token: 1n };
    await store.create(saga, { lease: first });
    await store.commit(firstCommit(saga.sagaId, first, { snapshot: '{"n":4}' }));
    await store.commit(firstCommit(saga.sagaId, first, { expectedSeq: 4n }));
    const cancel = { kind: 'cancel', messageId: newId(), at: new Date() } as const;
    await store.post(saga.sagaId, cancel);
    await store.deregister(first.workerId);

    const workerId = await registered(store);
    const [taken] = await claimed(store, claimBy(workerId, { definitions }));

    expect(taken).toMatchObject({
      sagaId: saga.sagaId,
      lease: { workerId, token: 2n },
      snapshot: { seq: 4n, state: '{"n":4}' },
      inbox: [{ seq: 1n, message: cancel }],
      inboxSeen: 0n,
      summary: { status: 'running', currentStep: 'pay' },
    });
    expect(taken?.tail.map(({ seq }) => seq)).toEqual([5n, 6n]);
    expect(await store.load(saga.sagaId)).toMatchObject({
      snapshot: { seq: 4n },
      tail: taken?.tail,
    });
  });

  test('the sagas of a worker whose lease ran out belong to whoever comes, and its commits are refused', async () => {
    const definition = `expired-${newId()}`;
    const definitions = [{ name: definition, version: 1 }];
    const saga = newSaga({ definition });
    const lease = { workerId: await registered(store, 50), token: 1n };
    await store.create(saga, { lease });
    const workerId = await registered(store);
    await expect
      .poll(() => claimed(store, claimBy(workerId, { definitions })), { interval: 10 })
      .toMatchObject([{ sagaId: saga.sagaId, lease: { workerId, token: 2n } }]);
    expect(await store.commit(firstCommit(saga.sagaId, lease))).toEqual({ kind: 'lease-lost' });
    expect(await store.heartbeat(lease.workerId, 60_000)).toBe(false);
    expect(await store.claim(claimBy(lease.workerId))).toEqual({ kind: 'lease-lost' });
  });

  test('a lease that ran out refuses commits even when nobody has taken the saga over', async () => {
    const saga = newSaga({ definition: `alone-${newId()}` });
    const lease = { workerId: await registered(store), token: 1n };
    await store.create(saga, { lease });
    await store.deregister(lease.workerId);
    expect(await store.commit(firstCommit(saga.sagaId, lease))).toEqual({ kind: 'lease-lost' });
    expect((await store.load(saga.sagaId))?.tail).toHaveLength(2);
  });

  test('a claim extends the lease', async () => {
    const workerId = await registered(store, 1_000);
    await store.claim(claimBy(workerId, { limit: 0, ttlMs: 60_000 }));
    const { rows } = await database.pool.query<{ left: number }>(
      `SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS left
       FROM potter.saga_workers WHERE worker_id = $1`,
      [workerId],
    );
    expect(rows[0]?.left).toBeGreaterThan(55);
  });

  test('finished sagas are never claimed', async () => {
    const definition = `finished-${newId()}`;
    const saga = newSaga({ definition });
    const lease = { workerId: await registered(store), token: 1n };
    await store.create(saga, { lease });
    await store.commit(firstCommit(saga.sagaId, lease, { summary: completed(), release: true }));
    const workerId = await registered(store);
    const definitions = [{ name: definition, version: 1 }];
    expect(await claimed(store, claimBy(workerId, { definitions }))).toEqual([]);
  });
});

describe('messages', () => {
  test('a cancel and a completion that race have exactly one winner, two hundred times', async () => {
    const lease = { workerId: await registered(store), token: 1n };
    const tally = { cancelled: 0, completed: 0 };
    const race = async (): Promise<void> => {
      const saga = newSaga();
      await store.create(saga, { lease });
      const message = { kind: 'cancel', messageId: newId(), at: new Date() } as const;
      const completion = firstCommit(saga.sagaId, lease, { summary: completed(), release: true });
      const [commit, post] = await Promise.all([
        store.commit(completion),
        store.post(saga.sagaId, message),
      ]);
      const winner = commit.kind === 'committed' ? 'completed' : 'cancelled';
      tally[winner] += 1;
      expect([commit, post]).toEqual(
        winner === 'completed'
          ? [
              { kind: 'committed', seq: 4n },
              { kind: 'refused', status: 'completed' },
            ]
          : [
              { kind: 'messages', inbox: [{ seq: 1n, message }] },
              { kind: 'accepted', seq: 1n },
            ],
      );
    };
    for (let round = 0; round < 20; round += 1) await Promise.all(Array.from({ length: 10 }, race));
    expect(tally.cancelled + tally.completed).toBe(200);
  });

  test('the same message again is accepted once, also when both arrive together', async () => {
    const saga = newSaga();
    await store.create(saga, { lease: { workerId: await registered(store), token: 1n } });
    const message = { kind: 'cancel', messageId: newId(), at: new Date() } as const;
    const posts = Array.from({ length: 6 }, () => store.post(saga.sagaId, message));
    expect(await Promise.all(posts)).toEqual(posts.map(() => ({ kind: 'accepted', seq: 1n })));
    expect(await store.inbox(saga.sagaId, 0n)).toEqual([{ seq: 1n, message }]);
    expect(await store.inbox(saga.sagaId, 1n)).toEqual([]);
    expect(await store.post('nobody', message)).toEqual({ kind: 'not-found' });
  });

  test('a sleeping saga that gets a message is due at once, and a claim tells owners of theirs', async () => {
    const definition = `told-${newId()}`;
    const definitions = [{ name: definition, version: 1 }];
    const asleep = newSaga({ definition, summary: running({ wakeAt: null }) });
    await store.create(asleep);
    const workerId = await registered(store);
    expect(await claimed(store, claimBy(workerId, { definitions }))).toEqual([]);
    const message = { kind: 'cancel', messageId: newId(), at: new Date() } as const;
    await store.post(asleep.sagaId, message);
    expect(await claimed(store, claimBy(workerId, { definitions }))).toMatchObject([
      { sagaId: asleep.sagaId, inbox: [{ seq: 1n }] },
    ]);
    expect(await store.claim(claimBy(workerId, { definitions }))).toMatchObject({
      messages: [asleep.sagaId],
    });
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

/** A saga of a definition that waits for whoever claims it. */
async function order(definition: string, overrides: Partial<NewSaga> = {}): Promise<string> {
  const saga = newSaga({ definition, ...overrides });
  await store.create(saga);
  return saga.sagaId;
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
