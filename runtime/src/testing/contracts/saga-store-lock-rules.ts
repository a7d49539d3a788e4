import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { newId } from '../../foundation/ids.ts';
import type { ClaimedSaga, Lease } from '../../sagas/saga-store.ts';
import { type SagaStoreBench, type SagaStoreRule, summary } from './saga-store-subject.ts';

const asleep = summary('pending', { wakeAt: null });

/** Keys that no other rule uses, in order. */
const keysOf = (count: number): readonly string[] => {
  const prefix = newId();
  return Array.from({ length: count }, (_, at) => `${prefix}-${String(at).padStart(3, '0')}`);
};

const waiting = <Tx>(bench: SagaStoreBench<Tx>, locks: readonly string[]): Promise<string> =>
  bench.free({ locks, summary: asleep });

const idsOf = (sagas: readonly ClaimedSaga[]): readonly string[] =>
  sagas.map(({ sagaId }) => sagaId).sort();

/** The last commit of a saga: it leaves its queues. */
async function finish<Tx>(
  bench: SagaStoreBench<Tx>,
  saga: { readonly sagaId: string; readonly lease: Lease },
  keys: readonly string[],
  overrides: Parameters<SagaStoreBench<Tx>['commitOf']>[2] = {},
): Promise<void> {
  const commit = bench.commitOf(saga.sagaId, saga.lease, {
    inboxSeen: 1n,
    summary: summary('completed', { wakeAt: null, finishedAt: bench.now }),
    release: true,
    lock: { kind: 'leave', keys },
    ...overrides,
  });
  assert.equal((await bench.store.commit(commit)).kind, 'committed');
}

/** Keys that one saga at a time may have. */
export function lockRules<Tx>(): readonly SagaStoreRule<Tx>[] {
  return [
    {
      name: 'gives a key to whoever asked first, to the next when that one leaves, in the order of asking',
      check: async (bench) => {
        const keys = keysOf(1);
        const workerId = await bench.worker();
        const asked: string[] = [];
        for (let n = 0; n < 5; n += 1) asked.push(await waiting(bench, keys));
        const got: string[] = [];
        for (let n = 0; n < 5; n += 1) {
          const claimed = await bench.claim(workerId);
          assert.equal(claimed.length, 1);
          const [saga] = claimed;
          assert.ok(saga);
          assert.deepEqual(
            saga.inbox.map(({ message }) => message.kind),
            ['locked'],
          );
          got.push(saga.sagaId);
          await finish(bench, saga, keys);
        }
        assert.deepEqual(got, asked);
        assert.deepEqual(await bench.claim(workerId), []);
      },
    },
    {
      name: 'owns nothing on creation that has to queue up, whoever creates it',
      check: async (bench) => {
        const workerId = await bench.worker();
        const saga = bench.newSaga({ locks: keysOf(1), summary: asleep });
        await bench.store.create(saga, { lease: { workerId, token: 1n } });
        const [claimed] = await bench.claim(workerId);
        assert.deepEqual([claimed?.sagaId, claimed?.lease.token], [saga.sagaId, 1n]);
      },
    },
    {
      name: 'gives all keys or none: what waits for one key keeps its place for the others, and nobody waits in a circle',
      check: async (bench) => {
        const [a = '', b = '', c = ''] = keysOf(3);
        const workerId = await bench.worker();
        const first = await waiting(bench, [a, b]);
        const second = await waiting(bench, [b, c]);
        const third = await waiting(bench, [a, c]);
        const one = await bench.claim(workerId);
        assert.deepEqual(idsOf(one), [first]);
        for (const saga of one) await finish(bench, saga, [a, b]);
        const two = await bench.claim(workerId);
        assert.deepEqual(idsOf(two), [second]);
        for (const saga of two) await finish(bench, saga, [b, c]);
        assert.deepEqual(idsOf(await bench.claim(workerId)), [third]);
      },
    },
    {
      name: 'says of a saga that waits who has its keys and how many come before it, and nothing of one that has them all',
      check: async (bench) => {
        const [a = '', b = '', c = ''] = keysOf(3);
        const workerId = await bench.worker();
        const first = await waiting(bench, [a]);
        const second = await waiting(bench, [a, b]);
        const third = await waiting(bench, [c, b, a]);
        assert.deepEqual(await bench.store.lockPlaces(first), []);
        assert.deepEqual(await bench.store.lockPlaces(second), [
          { key: a, holder: first, ahead: 1 },
        ]);
        assert.deepEqual(await bench.store.lockPlaces(third), [
          { key: a, holder: first, ahead: 2 },
          { key: b, holder: second, ahead: 1 },
        ]);
        for (const saga of await bench.claim(workerId)) await finish(bench, saga, [a]);
        assert.deepEqual(await bench.store.lockPlaces(first), []);
        assert.deepEqual(await bench.store.lockPlaces(second), []);
        assert.deepEqual(await bench.store.lockPlaces(third), [
          { key: a, holder: second, ahead: 1 },
          { key: b, holder: second, ahead: 1 },
        ]);
        assert.deepEqual(await bench.store.lockPlaces('nobody'), []);
      },
    },
    {
      name: 'lets a saga leave a queue from the middle, and from several at once',
      check: async (bench) => {
        const [a = '', b = ''] = keysOf(2);
        const workerId = await bench.worker();
        const holder = await waiting(bench, [a]);
        const leaving = await waiting(bench, [a, b]);
        const behind = await waiting(bench, [b]);
        const [held] = await bench.claim(workerId);
        assert.equal(held?.sagaId, holder);
        await bench.store.post(leaving, { kind: 'cancel', messageId: 'm', at: bench.now });
        const [told] = await bench.claim(workerId);
        assert.equal(told?.sagaId, leaving);
        assert.deepEqual(
          told?.inbox.map(({ message }) => message.kind),
          ['cancel'],
        );
        await finish(bench, told, [a, b]);
        assert.deepEqual(idsOf(await bench.claim(workerId)), [behind]);
        await finish(bench, held, [a]);
        assert.deepEqual(await bench.claim(workerId), []);
      },
    },
    {
      name: 'tells the owner of a saga whose turn comes while it is owned, and refuses a commit that has not heard of it',
      check: async (bench) => {
        const keys = keysOf(1);
        const workerId = await bench.worker();
        const first = await waiting(bench, keys);
        const second = await waiting(bench, keys);
        const [holder] = await bench.claim(workerId);
        assert.equal(holder?.sagaId, first);
        await bench.store.post(second, { kind: 'pause', messageId: 'm', at: bench.now });
        await bench.store.post(second, {
          kind: 'signal',
          name: 's',
          messageId: 'n',
          at: bench.now,
        });
        const [next] = await bench.claim(workerId);
        assert.equal(next?.sagaId, second);
        const heard = new EventEmitter();
        const stop = await bench.store.listen({
          onWork: () => {},
          onMessage: (sagaId) => heard.emit(sagaId),
        });
        const message = once(heard, second);
        await finish(bench, holder, keys);
        await message;
        await stop();
        const release = { inboxSeen: 1n, summary: asleep, release: true };
        const outcome = await bench.store.commit(bench.commitOf(second, next.lease, release));
        assert.equal(outcome.kind, 'messages');
        const kinds = outcome.kind === 'messages' ? outcome.inbox.map((e) => e.message.kind) : [];
        assert.equal(kinds.at(-1), 'locked');
      },
    },
    {
      name: 'queues a saga up that was over, behind those that asked before it',
      check: async (bench) => {
        const keys = keysOf(1);
        const workerId = await bench.worker();
        await waiting(bench, keys);
        const [first] = await bench.claim(workerId);
        assert.ok(first);
        const second = await waiting(bench, keys);
        await finish(bench, first, keys, { release: false });
        const anew = bench.commitOf(first.sagaId, first.lease, {
          expectedSeq: 2n,
          inboxSeen: 1n,
          summary: summary('compensating', { wakeAt: null }),
          release: true,
          lock: { kind: 'take', keys },
        });
        assert.equal((await bench.store.commit(anew)).kind, 'committed');
        const [next] = await bench.claim(workerId);
        assert.equal(next?.sagaId, second);
        await finish(bench, next, keys);
        const [again] = await bench.claim(workerId);
        assert.equal(again?.sagaId, first.sagaId);
        assert.equal(again?.inbox.at(-1)?.message.kind, 'locked');
      },
    },
    {
      name: 'takes a place in a transaction when that commits, and none when it fails',
      check: async (bench) => {
        const keys = keysOf(1);
        const workerId = await bench.worker();
        const saga = bench.newSaga({ locks: keys, summary: asleep });
        const failing = bench.store.transaction(async (transaction) => {
          await bench.store.create(saga, { transaction });
          throw new Error('changed my mind');
        });
        await assert.rejects(failing, /changed my mind/);
        const first = await bench.store.transaction(async (transaction) => {
          const { sagaId } = saga;
          await bench.store.create(saga, { transaction });
          return sagaId;
        });
        const second = await waiting(bench, keys);
        const [holder] = await bench.claim(workerId);
        assert.equal(holder?.sagaId, first);
        await bench.store.transaction((transaction) =>
          bench.store.commit(
            bench.commitOf(first, holder.lease, {
              inboxSeen: 1n,
              summary: summary('completed', { wakeAt: null, finishedAt: bench.now }),
              release: true,
              lock: { kind: 'leave', keys },
            }),
            { transaction },
          ),
        );
        assert.deepEqual(idsOf(await bench.claim(workerId)), [second]);
      },
    },
    {
      name: 'never gives a key to two, whatever is asked for and given up at the same time, and forgets nobody',
      check: async (bench) => {
        const keys = keysOf(4);
        const workers = await Promise.all(Array.from({ length: 3 }, () => bench.worker()));
        const wanted = new Map<string, readonly string[]>();
        const start = async (n: number): Promise<void> => {
          const locks = keys.filter((_, at) => ((((n * 7) % 15) + 1) >> at) % 2 === 1);
          const saga = bench.newSaga({ locks, summary: asleep });
          wanted.set(saga.sagaId, locks);
          await bench.store.create(saga);
        };
        const holding = new Map<string, string>();
        const done: string[] = [];
        const work = async (workerId: string): Promise<void> => {
          const claimed = await bench.claim(workerId, { limit: 3 });
          await Promise.all(
            claimed.map(async (saga) => {
              const locks = wanted.get(saga.sagaId) ?? [];
              for (const key of locks) {
                assert.equal(holding.get(key), undefined);
                holding.set(key, saga.sagaId);
              }
              await new Promise((resolve) => setImmediate(resolve));
              for (const key of locks) holding.delete(key);
              await finish(bench, saga, locks);
              done.push(saga.sagaId);
            }),
          );
        };
        const count = 40;
        const starting = Promise.all(Array.from({ length: count }, (_, n) => start(n)));
        for (let round = 0; round < 300 && done.length < wanted.size; round += 1) {
          await Promise.all(workers.map(work));
        }
        await starting;
        assert.equal(done.length, count);
      },
    },
  ];
}
