import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { streamId } from 'potter-runtime/events';
import { PostgresEventStore } from 'potter-runtime/postgres';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

/** A session begins and ends when the server gets to it. */
const PATIENCE_MS = 10_000;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store'] });
});

afterAll(async () => {
  await database.close();
});

/** A store and how many notifications it has sent. */
function countingStore(): { readonly store: PostgresEventStore; readonly sent: () => number } {
  const query = vi.fn<(statement: { name?: string }) => unknown>((statement) =>
    database.pool.query(statement as never),
  );
  const store = new PostgresEventStore({
    pool: { query: query as never, connect: () => database.pool.connect() },
  });
  const sent = (): number =>
    query.mock.calls.filter(([{ name }]) => name === 'potter_notify').length;
  return { store, sent };
}

/** As in another process: nothing but a notification can wake it within the time of a test. */
function follower(): PostgresEventStore {
  return new PostgresEventStore({ pool: database.pool, pollInterval: '1h' });
}

/** What a subscription delivers until its store is closed. */
function positionsAfter(store: PostgresEventStore, after: bigint): readonly bigint[] {
  const seen: bigint[] = [];
  void (async () => {
    for await (const { events } of store.subscribe({ after }))
      seen.push(...events.map(({ position }) => position));
  })();
  return seen;
}

async function nextAfter(store: PostgresEventStore, after: bigint): Promise<bigint | undefined> {
  for await (const { events } of store.subscribe({ after })) {
    if (events.length > 0) return events[0]?.position;
  }
  return undefined;
}

test('an append that nobody listens for notifies nobody; one that is listened for does', async () => {
  const { store, sent } = countingStore();
  const append = async (): Promise<bigint> =>
    (await store.appendToStream(streamId('heard', '1'), [{ type: 'Said', data: {} }])).lastPosition;
  const before = await append();
  expect(sent()).toBe(0);
  const listening = follower();
  const seen = positionsAfter(listening, before);
  let last = before;
  await vi.waitFor(async () => {
    last = await append();
    expect(sent()).toBeGreaterThan(0);
  }, PATIENCE_MS);
  await vi.waitFor(() => expect(seen.at(-1)).toBe(last), PATIENCE_MS);
  await listening.close();
  await vi.waitFor(async () => {
    const sentBefore = sent();
    await append();
    expect(sent()).toBe(sentBefore);
  }, PATIENCE_MS);
  await store.close();
});

test('a subscription that begins while appends are written is woken for whatever it has not seen', async () => {
  const { store } = countingStore();
  const listening = follower();
  const said = (id: string) =>
    store.appendToStream(streamId('race', id), [{ type: 'Said', data: {} }]);
  let { lastPosition: last } = await said('first');
  for (let round = 0; round < 80; round += 1) {
    const next = nextAfter(listening, last);
    // The append meets the subscription before it listens, while it begins to, and after.
    for (let turns = round % 20; turns > 0; turns -= 1) await turn();
    const [{ lastPosition }, seen] = await Promise.all([said(String(round)), next]);
    expect(seen).toBe(lastPosition);
    last = lastPosition;
  }
  await listening.close();
  await store.close();
});
