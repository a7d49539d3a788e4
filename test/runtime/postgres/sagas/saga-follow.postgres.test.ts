import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore } from 'potter-runtime/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JournalEntry } from '../../../../runtime/src/sagas/saga-event.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { insist } from '../../../support/insist.ts';
import { quickest, timed } from '../../../support/quickest.ts';
import { firstCommit, newSaga, registered } from './saga-fixtures.ts';

let database: TestDatabase;
let owner: PostgresSagaStore;
let other: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  owner = new PostgresSagaStore({ pool: database.pool });
  other = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await Promise.all([owner.close(), other.close()]);
  await database.close();
});

/** Follows in the background; `until` waits for that many entries. */
function followed(store: PostgresSagaStore, sagaId: string, after = 0n) {
  const abort = new AbortController();
  const entries: JournalEntry[] = [];
  const done = (async () => {
    for await (const entry of store.follow(sagaId, { after, signal: abort.signal }))
      entries.push(entry);
  })();
  return {
    entries,
    until: async (count: number): Promise<void> => {
      await expect
        .poll(() => entries.length, { interval: 5, timeout: 30_000 })
        .toBeGreaterThanOrEqual(count);
    },
    stop: async () => {
      abort.abort();
      await done;
    },
  };
}

test('a follower gets what is there, then what other processes commit, each entry once and in order', async () => {
  const lease = { workerId: await registered(owner), token: 1n };
  const saga = newSaga();
  await owner.create(saga, { lease });
  const follower = followed(other, saga.sagaId);
  await follower.until(2);
  for (let seq = 2n; seq < 40n; seq += 2n) {
    await owner.commit(firstCommit(saga.sagaId, lease, { expectedSeq: seq }));
  }
  await follower.until(40);
  await follower.stop();
  expect(follower.entries.map(({ seq }) => Number(seq))).toEqual(
    Array.from({ length: 40 }, (_, n) => n + 1),
  );
});

test('a follower starts after the entry it was given, in the middle of a commit too', async () => {
  const lease = { workerId: await registered(owner), token: 1n };
  const saga = newSaga();
  await owner.create(saga, { lease });
  const follower = followed(other, saga.sagaId, 1n);
  await follower.until(1);
  await follower.stop();
  expect(follower.entries.map(({ seq }) => seq)).toEqual([2n]);
});

test('a commit reaches a follower in far less than a poll', async () => {
  const lease = { workerId: await registered(owner), token: 1n };
  const tookMs = await quickest(500, async () => {
    const saga = newSaga();
    await owner.create(saga, { lease });
    const follower = followed(other, saga.sagaId);
    await follower.until(2);
    const took = await timed(async () => {
      await owner.commit(firstCommit(saga.sagaId, lease));
      await follower.until(4);
    });
    await follower.stop();
    return took;
  });
  expect(tookMs).toBeLessThan(500);
});

test('commits of a saga that nobody watches notify nobody', async () => {
  const heard: string[] = [];
  const client = await database.pool.connect();
  client.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await client.query('LISTEN potter_sagas');
  const lease = { workerId: await registered(owner), token: 1n };
  const [watched, unwatched] = [newSaga(), newSaga()];
  await Promise.all([watched, unwatched].map((saga) => owner.create(saga, { lease })));
  const follower = followed(other, watched.sagaId);
  await follower.until(2);
  await Promise.all(
    [watched, unwatched].map(({ sagaId }) => owner.commit(firstCommit(sagaId, lease))),
  );
  await follower.until(4);
  await client.query('UNLISTEN potter_sagas');
  client.release(true);
  await follower.stop();
  expect(heard).toEqual([`journal ${watched.sagaId}`]);
});

test('a follower outlives the loss of every connection and misses nothing', async () => {
  const lease = { workerId: await registered(owner), token: 1n };
  const saga = newSaga();
  await owner.create(saga, { lease });
  const follower = followed(other, saga.sagaId);
  await follower.until(2);
  let seq = 2n;
  for (let round = 0; round < 5; round += 1) {
    await database.killConnections();
    const commit = firstCommit(saga.sagaId, lease, { expectedSeq: seq });
    // The store may notice only now that a connection which it keeps is gone; the commit can be repeated.
    const outcome = await insist(() => owner.commit(commit));
    expect(outcome.kind).toMatch(/committed|diverged/);
    seq += 2n;
  }
  await follower.until(12);
  await follower.stop();
  expect(follower.entries.map(({ seq }) => Number(seq))).toEqual(
    Array.from({ length: 12 }, (_, n) => n + 1),
  );
});

test('workers hear of work that nobody owns and of messages for sagas that somebody owns', async () => {
  const heard: string[] = [];
  const hangUp = await other.listen({
    onWork: () => heard.push('work'),
    onMessage: (sagaId) => heard.push(sagaId),
  });
  const saga = newSaga();
  const lease = { workerId: await registered(owner), token: 1n };
  await owner.create(saga, { lease });
  await owner.post(saga.sagaId, { kind: 'cancel', messageId: newId(), at: new Date() });
  await owner.create(newSaga());
  await owner.deregister(lease.workerId);
  await expect.poll(() => heard, { interval: 5 }).toEqual([saga.sagaId, 'work', 'work']);
  await hangUp();
});
