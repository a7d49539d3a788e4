import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { attempt, type SagaStoreRule, summary } from './saga-store-subject.ts';

/** What is heard as it happens, and what happens together. */
export function liveRules<Tx>(): readonly SagaStoreRule<Tx>[] {
  return [
    {
      name: 'follows a journal from a place on, then live, until told to stop',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        await bench.store.commit(bench.commitOf(sagaId, lease));
        const stop = new AbortController();
        const seen: bigint[] = [];
        for await (const { seq } of bench.store.follow(sagaId, {
          after: 1n,
          signal: stop.signal,
        })) {
          seen.push(seq);
          if (seq === 2n) {
            await bench.store.commit(
              bench.commitOf(sagaId, lease, {
                expectedSeq: 2n,
                events: [attempt(2), attempt(3)],
              }),
            );
          }
          if (seq === 4n) stop.abort();
        }
        assert.deepEqual(seen, [2n, 3n, 4n]);
      },
    },
    {
      name: 'tells listeners of new work and of messages to owned sagas',
      check: async (bench) => {
        const heard = new EventEmitter();
        const stop = await bench.store.listen({
          onWork: () => heard.emit('work'),
          onMessage: (sagaId) => heard.emit(sagaId),
        });
        const { sagaId } = await bench.owned();
        const work = once(heard, 'work');
        await bench.free();
        await work;
        const message = once(heard, sagaId);
        await bench.store.post(sagaId, { kind: 'cancel', messageId: 'm', at: bench.now });
        await message;
        await stop();
      },
    },
    {
      name: 'tells listeners when a worker leaves sagas behind',
      check: async (bench) => {
        const { lease } = await bench.owned();
        const heard = new EventEmitter();
        const stop = await bench.store.listen({
          onWork: () => heard.emit('work'),
          onMessage: () => {},
        });
        const work = once(heard, 'work');
        await bench.store.deregister(lease.workerId);
        await work;
        await stop();
      },
    },
    {
      name: 'writes a commit in a transaction when that commits, not at all when it fails',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const commit = bench.commitOf(sagaId, lease);
        const failing = bench.store.transaction(async (transaction) => {
          assert.equal((await bench.store.commit(commit, { transaction })).kind, 'committed');
          throw new Error('changed my mind');
        });
        await assert.rejects(failing, /changed my mind/);
        assert.equal((await bench.store.journal(sagaId)).length, 1);
        const outcome = await bench.store.transaction((transaction) =>
          bench.store.commit(commit, { transaction }),
        );
        assert.deepEqual(outcome, { kind: 'committed', seq: 2n });
        assert.equal((await bench.store.journal(sagaId)).length, 2);
      },
    },
    {
      name: 'creates a saga in a transaction for whoever claims it after that commits',
      check: async (bench) => {
        const saga = bench.newSaga();
        const workerId = await bench.worker();
        const failing = bench.store.transaction(async (transaction) => {
          await bench.store.create(saga, { transaction });
          throw new Error('changed my mind');
        });
        await assert.rejects(failing, /changed my mind/);
        assert.deepEqual(await bench.claim(workerId), []);
        await bench.store.transaction(async (transaction) => {
          await bench.store.create(saga, { transaction });
          assert.deepEqual(await bench.claim(workerId), []);
          assert.equal(await bench.store.load(saga.sagaId), undefined);
        });
        const [claimed] = await bench.claim(workerId);
        assert.deepEqual([claimed?.sagaId, claimed?.lease.token], [saga.sagaId, 1n]);
      },
    },
    {
      name: 'hands over unread messages inside a transaction, which can then still commit',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const message = { kind: 'cancel', messageId: 'm', at: bench.now } as const;
        await bench.store.post(sagaId, message);
        await bench.store.transaction(async (transaction) => {
          const commit = bench.commitOf(sagaId, lease);
          assert.deepEqual(await bench.store.commit(commit, { transaction }), {
            kind: 'messages',
            inbox: [{ seq: 1n, message }],
          });
          const seen = { ...commit, inboxSeen: 1n };
          assert.equal((await bench.store.commit(seen, { transaction })).kind, 'committed');
        });
        assert.equal((await bench.store.journal(sagaId)).length, 2);
      },
    },
    {
      name: 'lets nobody take over or write a saga whose commit is in an open transaction',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const other = await bench.worker();
        let posted: Promise<unknown> = Promise.resolve();
        await bench.store.transaction(async (transaction) => {
          const last = bench.commitOf(sagaId, lease, {
            summary: summary('completed', { wakeAt: null, finishedAt: bench.now }),
            release: true,
          });
          await bench.store.commit(last, { transaction });
          await bench.expire(lease.workerId);
          assert.deepEqual(await bench.claim(other), []);
          posted = bench.store.post(sagaId, { kind: 'cancel', messageId: 'm', at: bench.now });
        });
        assert.deepEqual(await posted, { kind: 'refused', status: 'completed' });
      },
    },
  ];
}
