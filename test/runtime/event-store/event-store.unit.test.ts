import { describe, expect, test } from 'vitest';
import { InMemoryEventStore } from 'potter-runtime/event-store';
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
