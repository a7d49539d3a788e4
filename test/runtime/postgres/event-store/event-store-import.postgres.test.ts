import { describe, expect, test, vi } from 'vitest';
import { newId } from 'potter-runtime/foundation';
import { importEvents, type ImportedEvent, PostgresEventStore } from 'potter-runtime/postgres';
import { createTestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { quickest, timed } from '../../../support/quickest.ts';
import { subscriptionAtRest } from '../../../support/subscription-at-rest.ts';

function* history(count: number, streams = 100): Generator<ImportedEvent> {
  for (let n = 0; n < count; n += 1) {
    yield {
      streamId: `account:${n % streams}`,
      id: newId(),
      type: 'Deposited',
      data: { n, note: 'tab\t newline\n backslash\\ quote" \u0000 ü😀', cents: 5n },
      metadata: { correlationId: `c${n}` },
      tags: [`customer:${n % streams}`, 'a\\b'],
      schemaVersion: 2,
      recordedAt: new Date(1_700_000_000_000 + n),
    };
  }
}

describe('bulk import', () => {
  test('keeps ids, times, metadata and order, and lets appends go on after it', async () => {
    await using database = await createTestDatabase({ components: ['event-store'] });
    const store = new PostgresEventStore({ pool: database.pool });
    const events = [...history(2_500)];
    expect(await importEvents(database.pool, events)).toEqual({ events: 2_500, streams: 100 });
    let n = 0;
    for await (const read of store.read()) {
      const { version: _, position, category: __, ...rest } = read;
      expect(rest).toEqual(events[n]);
      n += 1;
      expect(position).toBe(BigInt(n));
    }
    expect(n).toBe(2_500);
    const next = await store.appendToStream('account:7', [{ type: 'Closed', data: {} }], {
      expected: 25n,
    });
    expect(next.version).toBe(26n);
    await store.close();
  });

  test('refuses a store that has events, unless told to add to them', async () => {
    await using database = await createTestDatabase({ components: ['event-store'] });
    const store = new PostgresEventStore({ pool: database.pool });
    await store.appendToStream('account:1', [{ type: 'Opened', data: {} }]);
    await expect(importEvents(database.pool, history(10))).rejects.toMatchObject({
      code: 'IMPORT_TARGET_NOT_EMPTY',
    });
    const added = await importEvents(database.pool, history(4, 2), { intoNonEmpty: true });
    expect(added).toEqual({ events: 4, streams: 2 });
    const versions: bigint[] = [];
    for await (const { version } of store.readStream('account:1')) versions.push(version);
    expect(versions).toEqual([1n, 2n, 3n]);
    // Appends go on where the import ended, in streams that were there before it too.
    await store.appendToStream('account:1', [{ type: 'Closed', data: {} }], { expected: 3n });
    await store.close();
  });

  test('lets other writers wait until it is over, and tells subscriptions when it is', async () => {
    await using database = await createTestDatabase({ components: ['event-store'] });
    const { pool } = database;
    // Nothing but a notification can make it look again within the time of the test.
    const store = new PostgresEventStore({ pool, pollInterval: '1h' });
    const atRest = subscriptionAtRest(database);
    const stop = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { events } of store.subscribe({ signal: stop.signal }))
        seen.push(...events.map(({ type }) => type));
    })();
    await atRest();
    await importEvents(pool, history(2, 1));
    await vi.waitFor(() => expect(seen).toEqual(['Deposited', 'Deposited']), 30_000);
    stop.abort();
    await following;

    let appended: Promise<bigint> | undefined;
    const slowly = async function* (): AsyncGenerator<ImportedEvent> {
      yield* history(1, 1);
      appended = store
        .appendToStream('account:0', [{ type: 'Closed', data: {} }])
        .then(({ version }) => version);
      await vi.waitFor(async () => {
        const { rows } = await pool.query<{ n: number }>(
          `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        expect(rows[0]?.n).toBeGreaterThan(0);
      }, 30_000);
      yield* history(1, 1);
    };
    await importEvents(pool, slowly(), { intoNonEmpty: true });
    expect(await appended).toBe(5n);
    await store.close();
  });

  test('leaves nothing behind when an event is malformed or an id is there twice', async () => {
    await using database = await createTestDatabase({ components: ['event-store'] });
    const [first] = history(1);
    const twice = first === undefined ? [] : [first, first];
    await expect(importEvents(database.pool, twice)).rejects.toMatchObject({
      code: 'DATABASE_ERROR',
    });
    const malformed = [
      ...history(1_500),
      ...twice.slice(1).map((event) => ({ ...event, id: 'no uuid' })),
    ];
    await expect(importEvents(database.pool, malformed)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const { rows } = await database.pool.query('select count(*)::int as n from potter.events');
    expect(rows).toEqual([{ n: 0 }]);
  });

  test('is at least 5 times as fast as appending one event after the other', async () => {
    await using database = await createTestDatabase({ components: ['event-store'] });
    const store = new PostgresEventStore({ pool: database.pool });
    /** A fifth of what one by one takes, at which an import of as many has to be over; in ms an event. */
    const bound = await timed(async () => {
      for (const { streamId, type, data } of history(500)) {
        await store.appendToStream(streamId, [{ type, data }]);
      }
    }).then((ms) => ms / 500 / 5);
    await store.close();
    const imported = 20_000;
    const took = await quickest(bound * imported, () =>
      timed(() => importEvents(database.pool, history(imported), { intoNonEmpty: true })),
    );
    expect(took).toBeLessThan(bound * imported);
  });
});

describe('reading much', () => {
  test('keeps memory bounded, however much is read', { timeout: 600_000 }, async () => {
    await using database = await createTestDatabase({ components: ['event-store'] });
    const count = isFullRun ? 1_000_000 : 60_000;
    await importEvents(database.pool, history(count, 1_000));
    const store = new PostgresEventStore({ pool: database.pool });
    const before = process.memoryUsage().rss;
    let seen = 0;
    let highest = before;
    for await (const { position } of store.read()) {
      seen += 1;
      if (position % 10_000n === 0n) highest = Math.max(highest, process.memoryUsage().rss);
    }
    await store.close();
    expect(seen).toBe(count);
    expect((highest - before) / 1024 / 1024).toBeLessThan(100);
  });
});
