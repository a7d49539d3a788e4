import assert from 'node:assert/strict';
import { attempt, type SagaStoreBench, type SagaStoreRule, summary } from './saga-store-subject.ts';

const ids = (sagas: readonly { readonly sagaId: string }[]): readonly string[] =>
  sagas.map(({ sagaId }) => sagaId).sort();

const later = (bench: SagaStoreBench<never> | SagaStoreBench<unknown>, ms: number): Date =>
  new Date(bench.now.getTime() + ms);

/** Who gets which saga, and when. */
export function claimRules<Tx>(): readonly SagaStoreRule<Tx>[] {
  return [
    {
      name: 'hands out each due saga once, however many workers ask at the same time',
      check: async (bench) => {
        const free = await Promise.all(Array.from({ length: 30 }, () => bench.free()));
        const workers = await Promise.all(Array.from({ length: 4 }, () => bench.worker()));
        const got: string[] = [];
        for (let round = 0; round < 8 && got.length < free.length; round += 1) {
          const claims = await Promise.all(workers.map((id) => bench.claim(id, { limit: 5 })));
          got.push(...claims.flat().map(({ sagaId }) => sagaId));
        }
        assert.deepEqual(got.sort(), [...free].sort());
      },
    },
    {
      name: 'gives the first owner token 1 and each next a higher one, with all that is known of the saga',
      check: async (bench) => {
        const sagaId = await bench.free();
        const [first, second] = [await bench.worker(), await bench.worker()];
        const [claimed] = await bench.claim(first);
        assert.equal(claimed?.sagaId, sagaId);
        assert.deepEqual(claimed?.lease, { workerId: first, token: 1n });
        assert.deepEqual([claimed?.inbox, claimed?.inboxSeen], [[], 0n]);
        assert.equal(claimed?.tail.length, 1);
        await bench.expire(first);
        const [taken] = await bench.claim(second);
        assert.equal(taken?.sagaId, sagaId);
        assert.ok((taken?.lease.token ?? 0n) > 1n);
      },
    },
    {
      name: 'claims at most as many as asked for; none when asked for none',
      check: async (bench) => {
        await Promise.all(Array.from({ length: 3 }, () => bench.free()));
        const workerId = await bench.worker();
        assert.equal((await bench.claim(workerId, { limit: 0 })).length, 0);
        assert.equal((await bench.claim(workerId, { limit: 2 })).length, 2);
        assert.equal((await bench.claim(workerId, { limit: 2 })).length, 1);
      },
    },
    {
      name: 'leaves alone what sleeps until it is due, or until a message comes',
      check: async (bench) => {
        const sleeping = summary('running', { wakeAt: later(bench, 60_000) });
        const [sleeper, told] = [
          await bench.free({ summary: sleeping }),
          await bench.free({ summary: sleeping }),
        ];
        const workerId = await bench.worker();
        assert.deepEqual(await bench.claim(workerId), []);
        const message = { kind: 'cancel', messageId: 'm', at: bench.now } as const;
        await bench.store.post(told, message);
        const [woken] = await bench.claim(workerId);
        assert.equal(woken?.sagaId, told);
        assert.deepEqual(woken?.inbox, [{ seq: 1n, message }]);
        assert.deepEqual(ids(await bench.claim(workerId, { now: later(bench, 60_000) })), [
          sleeper,
        ]);
      },
    },
    {
      name: 'leaves alone what is over, what another worker owns, and versions the worker cannot run',
      check: async (bench) => {
        const over = summary('completed', { wakeAt: null, finishedAt: bench.now });
        await bench.free({ summary: over });
        await bench.owned();
        const other = await bench.free({ definitionVersion: 2 });
        const workerId = await bench.worker();
        assert.deepEqual(await bench.claim(workerId, { now: later(bench, 3_600_000) }), []);
        const known = [{ name: bench.definition, version: 1 }];
        const unclaimable = await bench.store.unclaimable(known);
        assert.deepEqual(
          unclaimable.filter(({ name }) => name === bench.definition),
          [{ name: bench.definition, version: 2, count: 1 }],
        );
        assert.deepEqual(ids(await bench.claim(workerId, { version: 2 })), [other]);
      },
    },
    {
      name: 'makes what was given back claimable again, not before it is due',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const asleep = summary('running', { wakeAt: later(bench, 10) });
        await bench.store.commit(
          bench.commitOf(sagaId, lease, { events: [], summary: asleep, release: true }),
        );
        assert.deepEqual(await bench.store.commit(bench.commitOf(sagaId, lease)), {
          kind: 'lease-lost',
        });
        const workerId = await bench.worker();
        assert.deepEqual(await bench.claim(workerId), []);
        const [claimed] = await bench.claim(workerId, { now: later(bench, 10) });
        assert.equal(claimed?.lease.token, 2n);
      },
    },
    {
      name: 'frees everything a worker owned at once when it says goodbye, and for good',
      check: async (bench) => {
        const leaving = await bench.worker();
        const owned = await Promise.all([bench.owned(leaving), bench.owned(leaving)]);
        await bench.store.deregister(leaving);
        assert.deepEqual(ids(await bench.claim(await bench.worker())), ids(owned));
        assert.equal(await bench.store.heartbeat(leaving, bench.ttlMs), false);
      },
    },
    {
      name: 'extends the lease with every claim, and tells a worker that lost it',
      check: async (bench) => {
        const workerId = await bench.worker();
        assert.equal(await bench.store.heartbeat(workerId, bench.ttlMs), true);
        await bench.expire(workerId);
        const definitions = [{ name: bench.definition, version: 1 }];
        const { now, ttlMs } = bench;
        assert.deepEqual(
          await bench.store.claim({ workerId, ttlMs, limit: 1, now, known: null, definitions }),
          {
            kind: 'lease-lost',
          },
        );
      },
    },
    {
      name: 'names the owned sagas with unread messages at every claim, in case a notification was lost',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        await bench.store.post(sagaId, { kind: 'cancel', messageId: 'm', at: bench.now });
        const { workerId } = lease;
        const { now, ttlMs } = bench;
        const definitions = [{ name: bench.definition, version: 1 }];
        const ask = () =>
          bench.store.claim({ workerId, ttlMs, limit: 0, now, known: null, definitions });
        assert.deepEqual(await ask(), { kind: 'claimed', sagas: [], messages: [sagaId] });
        await bench.store.commit(bench.commitOf(sagaId, lease, { inboxSeen: 1n }));
        assert.deepEqual(await ask(), { kind: 'claimed', sagas: [], messages: [] });
      },
    },
    {
      name: 'gives a worker again, with a new token, what it owns and does not know of',
      check: async (bench) => {
        const workerId = await bench.worker();
        const { sagaId: known } = await bench.owned(workerId);
        const forgotten = await bench.free();
        const [first] = await bench.claim(workerId);
        assert.equal(first?.sagaId, forgotten);
        assert.deepEqual(await bench.claim(workerId), []);
        const [again] = await bench.claim(workerId, { known: [known] });
        assert.deepEqual([again?.sagaId, again?.lease], [forgotten, { workerId, token: 2n }]);
        assert.deepEqual(await bench.claim(workerId, { known: [known, forgotten] }), []);
        assert.deepEqual(await bench.store.commit(bench.commitOf(forgotten, first.lease)), {
          kind: 'lease-lost',
        });
      },
    },
    {
      name: 'does not take what a claim gave for what the same worker created',
      check: async (bench) => {
        const workerId = await bench.worker();
        const saga = bench.newSaga();
        await bench.store.create(saga);
        const [claimed] = await bench.claim(workerId);
        assert.equal(claimed?.lease.token, 1n);
        await bench.store.commit(bench.commitOf(saga.sagaId, claimed.lease));
        // It has the events that this worker would have created it with.
        const owned = { ...saga, events: [...saga.events, attempt(1)] };
        const { created } = await bench.store.create(owned, { lease: claimed.lease });
        assert.equal(created, false);
      },
    },
    {
      name: 'gives what a worker owns and does not know of before anything new, whatever time it is for that worker',
      check: async (bench) => {
        const workerId = await bench.worker();
        const forgotten = await bench.free();
        assert.deepEqual(ids(await bench.claim(workerId)), [forgotten]);
        const limits = { concurrency: 10, perKey: null, rate: null };
        await bench.free();
        const limited = await bench.free({ limitKey: 'a', priority: 9 });
        const earlier = new Date(bench.now.getTime() - 60_000);
        const asks = { known: [], limit: 1, limits };
        assert.deepEqual(ids(await bench.claim(workerId, { ...asks, now: earlier })), [forgotten]);
        assert.deepEqual(ids(await bench.claim(workerId, asks)), [forgotten]);
        const got = [forgotten];
        // A look may be needed to make ready what the next one gives.
        for (let look = 0; look < 3 && !got.includes(limited); look += 1) {
          got.push(...ids(await bench.claim(workerId, { known: got, limits })));
        }
        assert.ok(got.includes(limited));
      },
    },
  ];
}
