import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { NewEvent } from '../../events/event.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import { streamId } from '../../events/stream-id.ts';
import { newId } from '../../foundation/ids.ts';
import { withCorrelation } from '../../observability/correlation.ts';
import { all, counted, type EventStoreRule } from './event-store-subject.ts';

const numbers = (events: readonly RecordedEvent[]): readonly number[] =>
  events.map(({ data }) => (data as { readonly n: number }).n);

const make = (n: number, type: string, ...tags: readonly string[]): NewEvent => ({
  type,
  data: { n },
  tags,
});

/** What comes back, and which part of it. */
export function readRules<Tx>(): readonly EventStoreRule<Tx>[] {
  return [
    {
      name: 'gives back an event exactly as it was appended',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'DE:1/ü 😀');
        const data = {
          z: 'keys keep their order',
          a: 'ünïcode 😀 \u0000 \ud800 "quoted" \\ back\tslash\n',
          big: 9_007_199_254_740_993n,
          at: new Date('2026-02-03T04:05:06.789Z'),
          numbers: [0.1, 1e300, -1, 5e-324],
          nested: { $bigint: 'not one', list: [null, true, {}] },
          absent: undefined,
        };
        const event = {
          type: 'Ödd {"type"}',
          data,
          id: newId(),
          metadata: { correlationId: 'c-1', 'any key': [1, { two: null }] },
          tags: ['customer:42', 'with "quotes", comma', 'back\\slash', 'null', '{}'],
          schemaVersion: 3,
        };
        const { events: appended } = await store.appendToStream(stream, [event]);
        const [read] = await all(store.readStream(stream));
        assert.ok(read !== undefined);
        const { absent: _absent, ...kept } = data;
        assert.deepEqual(read.data, kept);
        assert.deepEqual(Object.keys(read.data as object), Object.keys(kept));
        assert.deepEqual({ ...read, data }, { ...appended[0] });
        const { type, id, metadata, tags, schemaVersion } = read;
        assert.deepEqual({ type, data, id, metadata, tags, schemaVersion }, event);
        assert.deepEqual([read.streamId, read.category], [stream, category]);
        assert.ok(Math.abs(Date.now() - read.recordedAt.getTime()) < 60_000);
      },
    },
    {
      name: 'gives events metadata of the append and of the conversation they are part of; nearer wins',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'metadata');
        const [event] = counted(1);
        assert.ok(event !== undefined);
        await withCorrelation({ correlationId: 'conversation', causationId: 'command-1' }, () =>
          store.appendToStream(
            stream,
            [event, { ...event, metadata: { causationId: 'mine', user: 'Ada' } }],
            { metadata: { user: 'Bob', correlationId: 'request' } },
          ),
        );
        const events = await all(store.readStream(stream));
        assert.deepEqual(
          events.map(({ metadata }) => metadata),
          [
            { correlationId: 'request', causationId: 'command-1', user: 'Bob' },
            { correlationId: 'request', causationId: 'mine', user: 'Ada' },
          ],
        );
      },
    },
    {
      name: 'reads a part of a stream, forwards or backwards, page by page',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'ranged');
        await store.appendToStream(stream, counted(10));
        const read = async (options: object): Promise<readonly number[]> =>
          numbers(await all(store.readStream(stream, options)));
        assert.deepEqual(await read({ from: 3n, to: 5n }), [3, 4, 5]);
        assert.deepEqual(await read({ from: 3n, to: 7n, direction: 'backwards' }), [7, 6, 5, 4, 3]);
        assert.deepEqual(await read({ direction: 'backwards', limit: 2 }), [10, 9]);
        assert.deepEqual(await read({ from: 9n, pageSize: 1 }), [9, 10]);
        assert.deepEqual(await read({ from: 11n }), []);
        assert.deepEqual(await read({ limit: 0 }), []);
        const pages = await all(store.readStream(stream, { pageSize: 4 }).pages());
        assert.deepEqual(
          pages.map(({ lastVersion }) => lastVersion),
          [4n, 8n, 10n],
        );
        assert.deepEqual(
          pages.map(({ events }) => events.length),
          [4, 4, 2],
        );
        assert.deepEqual(await all(store.readStream(streamId(category, 'no such')).pages()), []);
      },
    },
    {
      name: 'reads a stream as it was at a time',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'history');
        const { events } = await store.appendToStream(stream, counted(2));
        await delay(5);
        await store.appendToStream(stream, counted(1, 3));
        const asOf = events.at(-1)?.recordedAt;
        assert.deepEqual(numbers(await all(store.readStream(stream, { asOf }))), [1, 2]);
        assert.deepEqual(await all(store.readStream(stream, { asOf: new Date(0) })), []);
      },
    },
    {
      name: 'reads the whole store by category, type, tags, position and time',
      check: async ({ store }, category) => {
        const { lastPosition: before } = await store.appendToStream(
          streamId(`${category}x`, '1'),
          counted(1, 99),
        );
        await store.appendToStream(streamId(category, '1'), [
          make(1, 'A', 'x'),
          make(2, 'B', 'x', 'y'),
        ]);
        const { events } = await store.appendToStream(streamId(category, '2'), [
          make(3, 'A', 'y'),
          make(4, 'C'),
        ]);
        const read = async (options: object): Promise<readonly number[]> =>
          numbers(await all(store.read({ category, ...options })));
        assert.deepEqual(await read({}), [1, 2, 3, 4]);
        assert.deepEqual(await read({ direction: 'backwards', pageSize: 3 }), [4, 3, 2, 1]);
        assert.deepEqual(await read({ types: ['A', 'C'] }), [1, 3, 4]);
        assert.deepEqual(await read({ types: [] }), []);
        assert.deepEqual(await read({ tags: ['x'] }), [1, 2]);
        assert.deepEqual(await read({ tags: ['y', 'x'] }), [2]);
        assert.deepEqual(await read({ limit: 2, pageSize: 1 }), [1, 2]);
        const [third, fourth] = events;
        assert.ok(third !== undefined && fourth !== undefined);
        assert.deepEqual(await read({ after: third.position }), [4]);
        assert.deepEqual(await read({ upTo: third.position }), [1, 2, 3]);
        assert.deepEqual(await read({ to: fourth.recordedAt }), [1, 2, 3, 4]);
        assert.deepEqual(await read({ from: new Date(fourth.recordedAt.getTime() + 1) }), []);
        const everything = numbers(await all(store.read({ after: before - 1n, tags: [] })));
        assert.deepEqual(
          everything.filter((n) => n < 100 && n > 98),
          [99],
        );
      },
    },
    {
      name: 'ends a read with ABORTED when its signal fires',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'aborted');
        await store.appendToStream(stream, counted(4));
        const stop = new AbortController();
        const seen: bigint[] = [];
        const reading = async (): Promise<void> => {
          for await (const event of store.readStream(stream, {
            pageSize: 2,
            signal: stop.signal,
          })) {
            seen.push(event.version);
            if (event.version === 2n) stop.abort();
          }
        };
        await assert.rejects(reading(), { code: 'ABORTED' });
        assert.deepEqual(seen, [1n, 2n]);
      },
    },
  ];
}
