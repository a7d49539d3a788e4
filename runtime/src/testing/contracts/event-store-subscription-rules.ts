import assert from 'node:assert/strict';
import type { SubscribeOptions } from '../../event-store/subscription.ts';
import type { NewEvent } from '../../events/event.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import { streamId } from '../../events/stream-id.ts';
import { counted, type EventStoreRule, type EventStoreSubject } from './event-store-subject.ts';

/** Follows a store until `enough` says so. */
async function follow<Tx>(
  { store }: EventStoreSubject<Tx>,
  options: SubscribeOptions,
  enough: (events: readonly RecordedEvent[], caughtUp: boolean) => boolean,
): Promise<{ readonly events: readonly RecordedEvent[]; readonly position: bigint }> {
  const events: RecordedEvent[] = [];
  for await (const batch of store.subscribe(options)) {
    events.push(...batch.events);
    assert.ok(batch.events.every(({ position }) => position <= batch.position));
    if (enough(events, batch.caughtUp)) return { events, position: batch.position };
  }
  throw new assert.AssertionError({ message: 'the subscription ended by itself' });
}

const made = (type: string, tag: string): NewEvent => ({ type, data: { n: 1 }, tags: [tag] });

/** Delivery: everything, once, in order, soon. */
export function subscriptionRules<Tx>(): readonly EventStoreRule<Tx>[] {
  return [
    {
      name: 'delivers what is there in batches, says when it has caught up, and goes on from a checkpoint',
      check: async (subject, category) => {
        const { store } = subject;
        const filter = { category };
        const first = await store.appendToStream(streamId(category, '1'), counted(5));
        const after = (first.events[0]?.position ?? 1n) - 1n;
        const start = await follow(
          subject,
          { after, filter, batchSize: 2 },
          (_, caughtUp) => caughtUp,
        );
        assert.deepEqual(start.events, first.events);
        const second = await store.appendToStream(streamId(category, '2'), counted(3));
        const rest = await follow(
          subject,
          { after: start.position, filter },
          (events) => events.length >= 3,
        );
        assert.deepEqual(rest.events, second.events);
      },
    },
    {
      name: 'says that it has caught up when nothing is there',
      check: async (subject, category) => {
        const { lastPosition } = await subject.store.appendToStream(
          streamId(category, '1'),
          counted(1),
        );
        const filter = { category };
        const { events, position } = await follow(
          subject,
          { after: lastPosition, filter },
          (_, caughtUp) => caughtUp,
        );
        assert.deepEqual(events, []);
        assert.ok(position >= lastPosition);
      },
    },
    {
      name: 'delivers events appended by many writers while it follows, each once and in order',
      check: async (subject, category) => {
        const { store } = subject;
        const { lastPosition: after } = await store.appendToStream(
          streamId(category, 'start'),
          counted(1),
        );
        const following = follow(
          subject,
          { after, filter: { category }, batchSize: 7 },
          (events) => events.length >= 200,
        );
        await Promise.all(
          Array.from({ length: 8 }, async (_, writer) => {
            for (let n = 0; n < 25; n += 1)
              await store.appendToStream(streamId(category, String(writer)), counted(1, n));
          }),
        );
        const { events } = await following;
        const positions = events.map(({ position }) => position);
        assert.equal(new Set(positions).size, 200);
        assert.deepEqual(
          positions,
          [...positions].sort((a, b) => (a < b ? -1 : 1)),
        );
      },
    },
    {
      name: 'delivers only what its filter asks for and moves its position past the rest',
      check: async (subject, category) => {
        const { store } = subject;
        const { events } = await store.appendToStream(streamId(category, '1'), [
          made('Wanted', 'a'),
          made('Other', 'a'),
          made('Wanted', 'b'),
          made('Wanted', 'a'),
          made('Other', 'b'),
        ]);
        const after = (events[0]?.position ?? 1n) - 1n;
        const filter = { category, types: ['Wanted'], tags: ['a'] };
        const found = await follow(
          subject,
          { after, filter, batchSize: 2 },
          (_, caughtUp) => caughtUp,
        );
        assert.deepEqual(found.events, [events[0], events[3]]);
        assert.ok(found.position >= (events[4]?.position ?? 0n));
      },
    },
    {
      name: 'ends without an error when its signal fires, also while it waits',
      check: async ({ store }, category) => {
        const stop = new AbortController();
        const ended = (async () => {
          for await (const { caughtUp } of store.subscribe({
            filter: { category },
            signal: stop.signal,
          })) {
            // By the time the loop asks again there is nothing: it waits.
            if (caughtUp) setImmediate(() => stop.abort());
          }
          return 'ended';
        })();
        assert.equal(await ended, 'ended');
        const never = store.subscribe({ signal: AbortSignal.abort() });
        for await (const batch of never) assert.fail(`delivered ${batch.events.length} events`);
      },
    },
  ];
}
