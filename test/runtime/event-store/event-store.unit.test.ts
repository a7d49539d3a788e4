import { describe, expect, test } from 'vitest';
import {
  ConcurrencyConflictError,
  InMemoryEventStore,
  isExpected,
} from 'potter-runtime/event-store';
import { eventStoreContract } from 'potter-runtime/testing';

describe('the event store in memory', () => {
  const shared = new InMemoryEventStore();
  test.each(eventStoreContract(() => ({ store: shared }), { transactions: false }))(
    '$name',
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
  );
});

describe('only in memory', () => {
  test('positions beyond 2^53 survive', async () => {
    const first = 2n ** 53n + 1n;
    const store = new InMemoryEventStore({ firstPosition: first });
    const { events } = await store.appendToStream('far:1', [
      { type: 'A', data: 1 },
      { type: 'A', data: 2 },
    ]);
    expect(events.map(({ position }) => position)).toEqual([first, first + 1n]);
    for await (const batch of store.subscribe({ after: first })) {
      expect(batch).toMatchObject({ position: first + 1n, events: [{ data: 2 }] });
      break;
    }
  });

  test('nothing is visible before the append has had its turn, and no subscriber runs inside a writer', async () => {
    const store = new InMemoryEventStore();
    const order: string[] = [];
    const following = (async () => {
      for await (const { events } of store.subscribe()) {
        if (events.length === 0) continue;
        order.push('delivered');
        return;
      }
    })();
    const appending = store.appendToStream('order:1', [{ type: 'A', data: 1 }]);
    for await (const event of store.read()) order.push(event.type);
    order.push('asked');
    await appending;
    await following;
    expect(order).toEqual(['asked', 'delivered']);
  });

  test('a reader cannot change what is stored, nor can the writer afterwards', async () => {
    const store = new InMemoryEventStore();
    const data = { list: [1] };
    await store.appendToStream('safe:1', [{ type: 'A', data }]);
    data.list.push(2);
    for (let round = 0; round < 2; round += 1) {
      for await (const event of store.readStream('safe:1')) {
        expect(event.data).toEqual({ list: [1] });
        (event.data as { list: number[] }).list.push(3);
      }
    }
  });
});

describe('an expected version', () => {
  test('none and 0n are the same', () => {
    for (const actual of [0n, 1n]) expect(isExpected('none', actual)).toBe(isExpected(0n, actual));
  });

  test('a conflict says what was expected where, and what was found', () => {
    const error = new ConcurrencyConflictError('account:1', 'none', 3n);
    expect(error).toMatchObject({
      stream: 'account:1',
      expected: 'none',
      actual: 3n,
      code: 'CONCURRENCY_CONFLICT',
    });
    expect(error.message).toContain("'account:1' was expected at version 'none' but is at 3");
  });
});
