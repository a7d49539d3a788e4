import assert from 'node:assert/strict';
import type { ClaimLimits } from '../../sagas/definition/limits.ts';
import type { ClaimedSaga } from '../../sagas/saga-store.ts';
import { type SagaStoreBench, type SagaStoreRule, summary } from './saga-store-subject.ts';

const limitsOf = (limits: Partial<ClaimLimits>): ClaimLimits => ({
  concurrency: null,
  perKey: null,
  rate: null,
  ...limits,
});

/** Claims until nothing more comes: a store may need a second look at what has just been made ready. */
async function claimAll<Tx>(
  bench: SagaStoreBench<Tx>,
  workerId: string,
  limits: ClaimLimits,
  options: { readonly limit?: number; readonly now?: Date } = {},
): Promise<readonly ClaimedSaga[]> {
  const claimed: ClaimedSaga[] = [];
  let silent = 0;
  while (silent < 3) {
    const limit = (options.limit ?? 1_000) - claimed.length;
    const sagas = limit > 0 ? await bench.claim(workerId, { ...options, limit, limits }) : [];
    silent = sagas.length === 0 ? silent + 1 : 0;
    claimed.push(...sagas);
  }
  return claimed;
}

const end = async <Tx>(
  bench: SagaStoreBench<Tx>,
  { sagaId, lease }: ClaimedSaga,
): Promise<void> => {
  const over = summary('completed', { wakeAt: null, finishedAt: bench.now });
  await bench.store.commit(bench.commitOf(sagaId, lease, { summary: over, release: true }));
};

/** How many run at once, how many are begun in a time, and who is next. */
export function limitRules<Tx>(): readonly SagaStoreRule<Tx>[] {
  return [
    {
      name: 'leaves no more sagas owned than the definition allows, however many workers claim at the same time',
      check: async (bench) => {
        const limits = limitsOf({ concurrency: 5 });
        const count = 40;
        await Promise.all(Array.from({ length: count }, () => bench.free({ limitKey: '' })));
        const workers = await Promise.all(Array.from({ length: 4 }, () => bench.worker()));
        let owned = 0;
        let most = 0;
        const done = new Set<string>();
        for (let round = 0; round < 400 && done.size < count; round += 1) {
          await Promise.all(
            workers.map(async (workerId) => {
              const sagas = await bench.claim(workerId, { limit: 10, limits });
              owned += sagas.length;
              most = Math.max(most, owned);
              for (const saga of sagas) {
                // Whoever claims meanwhile may find the room before this one knows of it.
                owned -= 1;
                await end(bench, saga);
                done.add(saga.sagaId);
              }
            }),
          );
        }
        assert.equal(done.size, count);
        assert.ok(most <= 5, `${most} at once`);
      },
    },
    {
      name: 'owns nothing on creation of what has limits, whoever creates it',
      check: async (bench) => {
        const workerId = await bench.worker();
        const saga = bench.newSaga({ limitKey: '' });
        await bench.store.create(saga, { lease: { workerId, token: 1n } });
        const [claimed] = await claimAll(bench, workerId, limitsOf({ concurrency: 1 }));
        assert.deepEqual([claimed?.sagaId, claimed?.lease.token], [saga.sagaId, 1n]);
      },
    },
    {
      name: 'leaves no more sagas of a key owned than allowed, and claims others past them',
      check: async (bench) => {
        const workerId = await bench.worker();
        const limits = limitsOf({ perKey: 2 });
        for (let n = 0; n < 5; n += 1) await bench.free({ limitKey: 'flood' });
        const other = await bench.free({ limitKey: 'other' });
        const claimed = await claimAll(bench, workerId, limits);
        assert.equal(claimed.length, 3);
        assert.ok(claimed.some(({ sagaId }) => sagaId === other));
        const flooded = claimed.find(({ sagaId }) => sagaId !== other);
        assert.ok(flooded);
        await end(bench, flooded);
        assert.equal((await claimAll(bench, workerId, limits)).length, 1);
      },
    },
    {
      name: 'takes turns between keys, those with the fewest owned first',
      check: async (bench) => {
        const workerId = await bench.worker();
        const limits = limitsOf({ concurrency: 4 });
        const keys = new Map<string, string>();
        for (const key of ['a', 'a', 'a', 'a', 'a', 'b', 'c']) {
          keys.set(await bench.free({ limitKey: key }), key);
        }
        const first = await claimAll(bench, workerId, limits);
        assert.deepEqual(first.map(({ sagaId }) => keys.get(sagaId) ?? '').sort(), [
          'a',
          'a',
          'b',
          'c',
        ]);
        // One at a time: each key comes before any comes again.
        for (const saga of first) await end(bench, saga);
        for (const key of ['b', 'b', 'c', 'd']) keys.set(await bench.free({ limitKey: key }), key);
        const served: string[] = [];
        for (let n = 0; n < 4; n += 1) {
          const [saga] = await claimAll(bench, workerId, limitsOf({ concurrency: 1 }));
          assert.ok(saga);
          served.push(keys.get(saga.sagaId) ?? '');
          await end(bench, saga);
        }
        assert.deepEqual(served.sort(), ['a', 'b', 'c', 'd']);
      },
    },
    {
      name: 'begins no more within a time than the rate allows, and says when to look again',
      check: async (bench) => {
        const workerId = await bench.worker();
        const limits = limitsOf({ rate: { count: 3, perMs: 60_000 } });
        for (let n = 0; n < 5; n += 1) await bench.free({ limitKey: '' });
        const claimed = await claimAll(bench, workerId, limits);
        assert.equal(claimed.length, 3);
        for (const saga of claimed) await end(bench, saga);
        const outcome = await bench.store.claim({
          workerId,
          ttlMs: bench.ttlMs,
          limit: 10,
          now: bench.now,
          known: null,
          definitions: [{ name: bench.definition, version: 1, limits }],
        });
        assert.equal(outcome.kind, 'claimed');
        const againInMs = outcome.kind === 'claimed' ? (outcome.lookAgainInMs ?? 0) : 0;
        assert.ok(againInMs > 0 && againInMs <= 60_000, String(againInMs));
      },
    },
    {
      name: 'does not count as begun what was begun before, and takes it first',
      check: async (bench) => {
        const workerId = await bench.worker();
        const limits = limitsOf({ concurrency: 1, rate: { count: 1, perMs: 60_000 } });
        await bench.free({ limitKey: '' });
        const [begun] = await claimAll(bench, workerId, limits);
        assert.ok(begun);
        await bench.free({ limitKey: '', priority: 9 });
        const wakeAt = new Date(bench.now.getTime() + 5);
        const asleep = { events: [], summary: summary('running', { wakeAt }), release: true };
        await bench.store.commit(bench.commitOf(begun.sagaId, begun.lease, asleep));
        assert.deepEqual(await claimAll(bench, workerId, limits), []);
        const woken = await claimAll(bench, workerId, limits, { now: wakeAt });
        assert.deepEqual(
          woken.map(({ sagaId }) => sagaId),
          [begun.sagaId],
        );
      },
    },
    {
      name: 'claims what was told something before others of its key',
      check: async (bench) => {
        const workerId = await bench.worker();
        await bench.free({ limitKey: '' });
        const told = await bench.free({ limitKey: '' });
        await bench.store.post(told, { kind: 'cancel', messageId: 'm', at: bench.now });
        const [first] = await claimAll(bench, workerId, limitsOf({ concurrency: 1 }));
        assert.equal(first?.sagaId, told);
      },
    },
    {
      name: 'takes over what a lost worker owned, however full the definition is',
      check: async (bench) => {
        const limits = limitsOf({ concurrency: 1 });
        const [lost, next] = [await bench.worker(), await bench.worker()];
        await bench.free({ limitKey: '' });
        await bench.free({ limitKey: '' });
        const [held] = await claimAll(bench, lost, limits);
        assert.ok(held);
        assert.deepEqual(await claimAll(bench, next, limits), []);
        await bench.store.deregister(lost);
        const taken = await claimAll(bench, next, limits);
        assert.deepEqual(
          taken.map(({ sagaId }) => sagaId),
          [held.sagaId],
        );
      },
    },
    {
      name: 'claims the higher priority first, with limits and without',
      check: async (bench) => {
        const workerId = await bench.worker();
        const low = await bench.free();
        const high = await bench.free({ priority: 9 });
        const middle = await bench.free({ priority: 3 });
        const order: string[] = [];
        for (let n = 0; n < 3; n += 1) {
          for (const saga of await bench.claim(workerId, { limit: 1 })) {
            order.push(saga.sagaId);
            await end(bench, saga);
          }
        }
        assert.deepEqual(order, [high, middle, low]);
        const limited = [];
        for (const priority of [0, 5, 1])
          limited.push(await bench.free({ limitKey: 'k', priority }));
        const [first] = await claimAll(bench, workerId, limitsOf({ concurrency: 1 }));
        assert.equal(first?.sagaId, limited[1]);
      },
    },
    {
      name: 'lets a process without the limits claim what was created with them',
      check: async (bench) => {
        const workerId = await bench.worker();
        const sagaId = await bench.free({ limitKey: 'k' });
        const [claimed] = await bench.claim(workerId);
        assert.equal(claimed?.sagaId, sagaId);
      },
    },
    {
      name: 'claims what was created before its definition had limits',
      check: async (bench) => {
        const workerId = await bench.worker();
        const [quiet, told] = [await bench.free(), await bench.free()];
        await bench.store.post(told, { kind: 'cancel', messageId: 'm', at: bench.now });
        const claimed = await claimAll(bench, workerId, limitsOf({ concurrency: 10 }));
        assert.deepEqual(claimed.map(({ sagaId }) => sagaId).sort(), [quiet, told].sort());
      },
    },
  ];
}
