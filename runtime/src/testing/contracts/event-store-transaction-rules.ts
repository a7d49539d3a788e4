import assert from 'node:assert/strict';
import { streamId } from '../../events/stream-id.ts';
import { newId } from '../../foundation/ids.ts';
import {
  all,
  counted,
  type EventStoreRule,
  type EventStoreSubject,
} from './event-store-subject.ts';

function transactionsOf<Tx>({
  inTransaction,
}: EventStoreSubject<Tx>): NonNullable<EventStoreSubject<Tx>['inTransaction']> {
  assert.ok(inTransaction !== undefined, 'a store with transactions is tried with inTransaction');
  return inTransaction;
}

/** Appends that take part in the caller's transaction. */
export function transactionRules<Tx>(): readonly EventStoreRule<Tx>[] {
  return [
    {
      name: 'appends in the transaction of the caller: seen inside at once, outside after the commit',
      check: async (subject, category) => {
        const { store } = subject;
        const stream = streamId(category, '1');
        await transactionsOf(subject)(async (transaction) => {
          await store.appendToStream(stream, counted(1), { expected: 'none', transaction });
          await store.appendToStream(stream, counted(1, 2), { expected: 1n, transaction });
          assert.equal((await all(store.readStream(stream, { transaction }))).length, 2);
          assert.equal((await all(store.readStream(stream))).length, 0);
        });
        assert.equal((await all(store.readStream(stream))).length, 2);
      },
    },
    {
      name: 'forgets what was appended in a transaction that was rolled back',
      check: async (subject, category) => {
        const { store } = subject;
        const stream = streamId(category, '1');
        const rolledBack = transactionsOf(subject)(async (transaction) => {
          await store.appendToStream(stream, counted(3), { transaction });
          throw new Error('changed my mind');
        });
        await assert.rejects(rolledBack, /changed my mind/);
        assert.deepEqual(await all(store.readStream(stream)), []);
        assert.equal(
          (await store.appendToStream(stream, counted(1), { expected: 'none' })).version,
          1n,
        );
      },
    },
    {
      name: 'leaves the transaction usable after a conflict or a repeated id',
      check: async (subject, category) => {
        const { store } = subject;
        const [stream, other] = [streamId(category, '1'), streamId(category, '2')];
        const [event] = counted(1);
        assert.ok(event !== undefined);
        const id = newId();
        await store.appendToStream(stream, [{ ...event, id }]);
        await transactionsOf(subject)(async (transaction) => {
          const conflict = { code: 'CONCURRENCY_CONFLICT', actual: 1n };
          await assert.rejects(
            store.appendToStream(stream, [event], { expected: 'none', transaction }),
            conflict,
          );
          await assert.rejects(
            store.appendToStream(stream, [event], { expected: 5n, transaction }),
            conflict,
          );
          await assert.rejects(
            store.appendToStream(other, [event], { expected: 'exists', transaction }),
            { code: 'CONCURRENCY_CONFLICT', actual: 0n },
          );
          const twice = store.append(
            {
              writes: [
                { stream: other, expected: 'none', events: [event] },
                { stream, expected: 'none', events: [event] },
              ],
            },
            { transaction },
          );
          await assert.rejects(twice, conflict);
          await assert.rejects(store.appendToStream(other, [{ ...event, id }], { transaction }), {
            code: 'EVENT_ID_CONFLICT',
          });
          const again = await store.appendToStream(stream, [{ ...event, id }], { transaction });
          assert.equal(again.alreadyAppended, true);
          await store.appendToStream(stream, [event], { expected: 1n, transaction });
        });
        assert.equal((await all(store.readStream(stream))).length, 2);
        assert.deepEqual(await all(store.readStream(other)), []);
        const after = await store.appendToStream(other, [event], { expected: 'none' });
        assert.equal(after.version, 1n);
      },
    },
    {
      name: 'makes a writer outside wait for the transaction and then see what it did',
      check: async (subject, category) => {
        const { store } = subject;
        const stream = streamId(category, '1');
        await store.appendToStream(stream, counted(1));
        let outside: Promise<unknown> = Promise.resolve();
        await transactionsOf(subject)(async (transaction) => {
          await store.appendToStream(stream, counted(1, 2), { expected: 1n, transaction });
          outside = store.appendToStream(stream, counted(1, 2), { expected: 1n });
          outside.catch(() => {});
          const elsewhere = await store.appendToStream(streamId(category, '2'), counted(1));
          assert.equal(elsewhere.version, 1n, 'other streams do not wait');
        });
        await assert.rejects(outside, { code: 'CONCURRENCY_CONFLICT', actual: 2n });
      },
    },
  ];
}
