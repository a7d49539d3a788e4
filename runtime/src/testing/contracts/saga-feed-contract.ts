import assert from 'node:assert/strict';
import type { FeedBatch, FeedOptions } from '../../projections/feed.ts';
import type { SagaFeed, SagaFeedItem } from '../../sagas/saga-feed.ts';
import type { ContractRule } from './contract.ts';
import { attempt, SagaStoreBench, type SagaStoreSubject } from './saga-store-subject.ts';

/** What the rules are tried on: a store and the feed of its commits. */
export interface SagaFeedSubject<Tx> extends SagaStoreSubject<Tx> {
  readonly feed: SagaFeed;
}

/** Follows until `enough` says so. */
async function follow(
  feed: SagaFeed,
  options: FeedOptions,
  enough: (items: readonly SagaFeedItem[], batch: FeedBatch<SagaFeedItem>) => boolean,
): Promise<{ readonly items: readonly SagaFeedItem[]; readonly position: bigint }> {
  const items: SagaFeedItem[] = [];
  for await (const batch of feed.subscribe(options)) {
    items.push(...batch.items);
    assert.ok(batch.items.every(({ position }) => position <= batch.position));
    if (enough(items, batch)) return { items, position: batch.position };
  }
  throw new assert.AssertionError({ message: 'the subscription ended by itself' });
}

const caughtUp = (_: readonly SagaFeedItem[], batch: FeedBatch<SagaFeedItem>): boolean =>
  batch.caughtUp;

interface FeedRule<Tx> {
  readonly name: string;
  /** @param after where the feed ended before the rule */
  readonly check: (bench: SagaStoreBench<Tx>, feed: SagaFeed, after: bigint) => Promise<void>;
}

function rules<Tx>(): readonly FeedRule<Tx>[] {
  return [
    {
      name: 'a feed delivers each commit once, in order, with its journal entries, and goes on from a checkpoint',
      check: async (bench, feed, after) => {
        const [first, second] = [await bench.owned(), await bench.owned()];
        const commit = bench.commitOf(first.sagaId, first.lease, {
          events: [attempt(1), attempt(2)],
        });
        await bench.store.commit(commit);
        const start = await follow(feed, { after, batchSize: 2 }, caughtUp);
        assert.deepEqual(
          start.items.map(({ sagaId, entries }) => [sagaId, entries.map(({ seq }) => Number(seq))]),
          [
            [first.sagaId, [1]],
            [second.sagaId, [1]],
            [first.sagaId, [2, 3]],
          ],
        );
        const journal = await bench.store.journal(first.sagaId);
        assert.deepEqual(
          start.items
            .filter(({ sagaId }) => sagaId === first.sagaId)
            .flatMap(({ entries }) => entries),
          journal,
        );
        await bench.store.commit(bench.commitOf(second.sagaId, second.lease));
        const rest = await follow(feed, { after: start.position }, (items) => items.length > 0);
        assert.deepEqual(
          rest.items.map(({ sagaId }) => sagaId),
          [second.sagaId],
        );
        assert.equal(await feed.head(), rest.items[0]?.position);
      },
    },
    {
      name: 'a feed says that it has caught up when nothing is there, and its head does not move by itself',
      check: async (bench, feed) => {
        await bench.free();
        const after = await feed.head();
        const { items, position } = await follow(feed, { after }, caughtUp);
        assert.deepEqual(items, []);
        assert.equal(position, after);
      },
    },
    {
      name: 'a commit without events is not in the feed',
      check: async (bench, feed, after) => {
        const { sagaId, lease } = await bench.owned();
        await bench.store.commit(bench.commitOf(sagaId, lease, { events: [], release: true }));
        await bench.free();
        const { items } = await follow(feed, { after }, (found) => found.length >= 2);
        assert.equal(items.filter((item) => item.sagaId === sagaId).length, 1);
      },
    },
    {
      name: 'what a transaction wrote is delivered after it commits, never when it is rolled back',
      check: async (bench, feed, after) => {
        const kept = bench.newSaga();
        const dropped = bench.newSaga();
        const following = follow(feed, { after }, (items) => items.length >= 2);
        await bench.store.transaction(async (transaction) => {
          await bench.store.create(kept, { transaction });
        });
        const refusal = new Error('rolled back');
        await assert.rejects(
          bench.store.transaction(async (transaction) => {
            await bench.store.create(dropped, { transaction });
            throw refusal;
          }),
          refusal,
        );
        const last = await bench.free();
        const { items } = await following;
        assert.deepEqual(
          items.map(({ sagaId }) => sagaId),
          [kept.sagaId, last],
        );
      },
    },
    {
      name: 'a feed delivers what many writers commit while it follows, each once and in order',
      check: async (bench, feed, after) => {
        const following = follow(feed, { after, batchSize: 7 }, (items) => items.length >= 160);
        await Promise.all(
          Array.from({ length: 8 }, async () => {
            for (let n = 0; n < 10; n += 1) {
              const { sagaId, lease } = await bench.owned();
              await bench.store.commit(bench.commitOf(sagaId, lease));
            }
          }),
        );
        const { items } = await following;
        const positions = items.map(({ position }) => position);
        assert.equal(new Set(positions).size, 160);
        assert.deepEqual(
          positions,
          positions.toSorted((a, b) => (a < b ? -1 : 1)),
        );
      },
    },
    {
      name: 'a subscription ends without an error when its signal fires, also while it waits',
      check: async (_, feed) => {
        const stop = new AbortController();
        const ended = (async () => {
          for await (const batch of feed.subscribe({ signal: stop.signal })) {
            if (batch.caughtUp) setImmediate(() => stop.abort());
          }
          return 'ended';
        })();
        assert.equal(await ended, 'ended');
        for await (const batch of feed.subscribe({ signal: AbortSignal.abort() })) {
          assert.fail(`delivered ${batch.items.length} commits`);
        }
      },
    },
  ];
}

/** What the feed of a saga store must do. The store may be shared with others who are at rest. */
export function sagaFeedContract<Tx>(
  open: () => SagaFeedSubject<Tx> | Promise<SagaFeedSubject<Tx>>,
): readonly ContractRule[] {
  return rules<Tx>().map(({ name, check }) => ({
    name,
    run: async () => {
      const subject = await open();
      await check(new SagaStoreBench(subject), subject.feed, await subject.feed.head());
    },
  }));
}
