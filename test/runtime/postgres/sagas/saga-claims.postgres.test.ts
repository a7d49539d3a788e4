import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore } from 'potter-runtime/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewSaga } from '../../../../runtime/src/sagas/saga-store.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import {
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
    const workerId = await registered(store, 60_000);
    await store.claim(claimBy(workerId, { limit: 0, ttlMs: 600_000 }));
    const { rows } = await database.pool.query<{ left: number }>(
      `SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS left
       FROM potter.saga_workers WHERE worker_id = $1`,
      [workerId],
    );
    expect(rows[0]?.left).toBeGreaterThan(120);
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

/** A saga of a definition that waits for whoever claims it. */
async function order(definition: string, overrides: Partial<NewSaga> = {}): Promise<string> {
  const saga = newSaga({ definition, ...overrides });
  await store.create(saga);
  return saga.sagaId;
}
