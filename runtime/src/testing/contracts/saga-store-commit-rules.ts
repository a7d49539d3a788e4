import assert from 'node:assert/strict';
import { messageBits, type SagaMessage } from '../../sagas/saga-message.ts';
import { attempt, started, summary, type SagaStoreRule } from './saga-store-subject.ts';

const cancel = (messageId: string): SagaMessage => ({
  kind: 'cancel',
  messageId,
  at: new Date('2026-02-03T04:05:07.000Z'),
});

/** Creating, writing, and who may. */
export function commitRules<Tx>(): readonly SagaStoreRule<Tx>[] {
  return [
    {
      name: 'gives back a journal exactly as it was written',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const events = [
          attempt(1),
          {
            type: 'AttemptFailed',
            at: bench.now,
            path: 'step',
            direction: 'forward',
            attempt: 1,
            outcome: 'unknown',
            error: { code: 'TIMEOUT', message: 'zu spät "quoted" \\', step: 'step' },
            retryAt: new Date(bench.now.getTime() + 1),
          },
          attempt(2),
          {
            type: 'AttemptCompleted',
            at: bench.now,
            path: 'step',
            direction: 'forward',
            attempt: 2,
            result: { list: [1, null, { deep: true }], big: 12n, when: bench.now, text: '😀' },
          },
        ] as const;
        assert.deepEqual(
          await bench.store.commit(bench.commitOf(sagaId, lease, { events: [...events] })),
          { kind: 'committed', seq: 5n },
        );
        assert.deepEqual(
          (await bench.store.journal(sagaId)).map(({ seq, event }) => [seq, event]),
          [started(bench.definition), ...events].map((event, at) => [BigInt(at + 1), event]),
        );
        const part = await bench.store.journal(sagaId, { after: 2n, limit: 2 });
        assert.deepEqual(
          part.map(({ seq }) => seq),
          [3n, 4n],
        );
      },
    },
    {
      name: 'shows a saga with its summary, its snapshot and the journal after it',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const running = summary('running', {
          currentStep: 'step',
          error: { code: 'C', message: 'm', step: null },
        });
        await bench.store.commit(
          bench.commitOf(sagaId, lease, { summary: running, snapshot: '{"format":1}' }),
        );
        await bench.store.commit(
          bench.commitOf(sagaId, lease, {
            expectedSeq: 2n,
            events: [attempt(2)],
            summary: running,
          }),
        );
        const saga = await bench.store.load(sagaId);
        assert.deepEqual(saga?.summary, running);
        assert.deepEqual(saga?.snapshot, { seq: 2n, state: '{"format":1}' });
        assert.deepEqual(saga?.tail, [{ seq: 3n, event: attempt(2) }]);
        assert.deepEqual(
          [saga?.definition, saga?.definitionVersion, saga?.correlationId],
          [bench.definition, 1, 'correlation-1'],
        );
        assert.deepEqual(saga?.startedAt, bench.now);
        assert.equal(await bench.store.load('no-such-saga'), undefined);
        assert.deepEqual(await bench.store.journal('no-such-saga'), []);
      },
    },
    {
      name: 'creates a saga once, and refuses another under its id',
      check: async (bench) => {
        const saga = bench.newSaga();
        assert.deepEqual(await bench.store.create(saga), { created: true, status: 'pending' });
        assert.deepEqual(await bench.store.create(saga), { created: false, status: 'pending' });
        await assert.rejects(bench.store.create({ ...saga, fingerprint: 'other' }), {
          code: 'SAGA_ALREADY_EXISTS',
        });
      },
    },
    {
      name: 'answers a repeated creation by the same owner as the first, until something else was written',
      check: async (bench) => {
        const lease = { workerId: await bench.worker(), token: 1n };
        const saga = bench.newSaga();
        const create = async (): Promise<boolean> =>
          (await bench.store.create(saga, { lease })).created;
        assert.deepEqual([await create(), await create()], [true, true]);
        await bench.store.commit(bench.commitOf(saga.sagaId, lease));
        assert.equal(await create(), false);
      },
    },
    {
      name: 'creates one saga when eight workers race to',
      check: async (bench) => {
        const saga = bench.newSaga();
        const workers = await Promise.all(Array.from({ length: 8 }, () => bench.worker()));
        const outcomes = await Promise.all(
          workers.map((workerId) => bench.store.create(saga, { lease: { workerId, token: 1n } })),
        );
        assert.equal(outcomes.filter(({ created }) => created).length, 1);
      },
    },
    {
      name: 'refuses a commit with another token, by another worker, or of a saga nobody owns',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const other = await bench.worker();
        const free = await bench.free();
        for (const commit of [
          bench.commitOf(sagaId, { ...lease, token: 2n }),
          bench.commitOf(sagaId, { workerId: other, token: 1n }),
          bench.commitOf(free, lease),
          bench.commitOf('no-such-saga', lease),
        ]) {
          assert.deepEqual(await bench.store.commit(commit), { kind: 'lease-lost' });
        }
        assert.equal((await bench.store.journal(sagaId)).length, 1);
      },
    },
    {
      name: 'refuses a commit of a worker whose lease ran out, although nobody took its saga over',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        await bench.expire(lease.workerId);
        assert.deepEqual(await bench.store.commit(bench.commitOf(sagaId, lease)), {
          kind: 'lease-lost',
        });
        assert.equal(await bench.store.heartbeat(lease.workerId, bench.ttlMs), false);
        assert.deepEqual(await bench.store.commit(bench.commitOf(sagaId, lease)), {
          kind: 'lease-lost',
        });
      },
    },
    {
      name: 'moves a saga to another version of its definition with a commit, and not with one that is refused',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const moved = { definitionVersion: 2, release: true } as const;
        const refused = bench.commitOf(sagaId, { ...lease, token: 9n }, moved);
        assert.equal((await bench.store.commit(refused)).kind, 'lease-lost');
        assert.equal((await bench.store.load(sagaId))?.definitionVersion, 1);
        await bench.store.commit(bench.commitOf(sagaId, lease, moved));
        assert.equal((await bench.store.load(sagaId))?.definitionVersion, 2);
        const workerId = await bench.worker();
        assert.deepEqual(await bench.claim(workerId), []);
        assert.equal((await bench.claim(workerId, { version: 2 })).length, 1);
      },
    },
    {
      name: 'says that the journal has moved on when a commit is repeated',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const commit = bench.commitOf(sagaId, lease);
        assert.deepEqual(await bench.store.commit(commit), { kind: 'committed', seq: 2n });
        assert.deepEqual(await bench.store.commit(commit), { kind: 'diverged', seq: 2n });
        assert.equal((await bench.store.journal(sagaId)).length, 2);
      },
    },
    {
      name: 'refuses a commit that has not seen a message, and hands the message over',
      check: async (bench) => {
        const { sagaId, lease } = await bench.owned();
        const posted = await bench.store.post(sagaId, cancel('m-1'));
        assert.deepEqual(posted, { kind: 'accepted', seq: 1n });
        const entry = { seq: 1n, message: cancel('m-1') };
        assert.deepEqual(await bench.store.commit(bench.commitOf(sagaId, lease)), {
          kind: 'messages',
          inbox: [entry],
        });
        assert.deepEqual(await bench.store.inbox(sagaId, 0n), [entry]);
        assert.deepEqual(await bench.store.inbox(sagaId, 1n), []);
        assert.equal((await bench.store.load(sagaId))?.unheard, true);
        const seen = bench.commitOf(sagaId, lease, { inboxSeen: 1n });
        assert.deepEqual(await bench.store.commit(seen), { kind: 'committed', seq: 2n });
        assert.equal((await bench.store.load(sagaId))?.unheard, false);
      },
    },
    {
      name: 'accepts a message once, only of a kind the saga accepts now, and only for sagas there are',
      check: async (bench) => {
        const sagaId = await bench.free();
        const post = bench.store.post.bind(bench.store);
        assert.deepEqual(await post(sagaId, cancel('m-1')), {
          kind: 'accepted',
          seq: 1n,
        });
        assert.deepEqual(await post(sagaId, cancel('m-1')), {
          kind: 'accepted',
          seq: 1n,
        });
        const pause = { ...cancel('m-2'), kind: 'pause' } as const;
        assert.deepEqual(await post(sagaId, pause), { kind: 'refused', status: 'pending' });
        assert.deepEqual(await post('no-such-saga', cancel('m-3')), {
          kind: 'not-found',
        });
        assert.equal((await bench.store.inbox(sagaId, 0n)).length, 1);
      },
    },
    {
      name: 'gives a message back with all that it says',
      check: async (bench) => {
        const sagaId = await bench.free({
          summary: summary('pending', { accepts: messageBits('signal', 'skip') }),
        });
        const at = bench.now;
        const messages: readonly SagaMessage[] = [
          { kind: 'signal', messageId: 'm-1', at, name: 'approved', value: { on: at, n: 3n } },
          { kind: 'skip', messageId: 'm-2', at, step: 'a', result: [1], by: 'ünï', reason: '"no"' },
        ];
        for (const message of messages) await bench.store.post(sagaId, message);
        const inbox = await bench.store.inbox(sagaId, 0n);
        assert.deepEqual(
          inbox.map(({ message }) => message),
          messages,
        );
      },
    },
    {
      name: 'lets a message or the last commit win, never both and never neither',
      check: async (bench) => {
        for (let round = 0; round < 20; round += 1) {
          const { sagaId, lease } = await bench.owned();
          const last = bench.commitOf(sagaId, lease, {
            summary: summary('completed', { wakeAt: null, finishedAt: bench.now }),
            release: true,
          });
          const [committed, posted] = await Promise.all([
            bench.store.commit(last),
            bench.store.post(sagaId, cancel('m')),
          ]);
          assert.notEqual(committed.kind === 'committed', posted.kind === 'accepted');
        }
      },
    },
  ];
}
