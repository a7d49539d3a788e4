import { InMemoryIdempotencyStore } from 'potter-runtime/http';
import { idempotencyStoreContract, VirtualClock } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';

describe('the in-memory store keeps the rules of the port', () => {
  const store = new InMemoryIdempotencyStore();
  const effects: string[] = [];
  const rules = idempotencyStoreContract<never>(() => ({
    store,
    other: store,
    isTransactional: false,
    effect: async (_transaction, name) => void effects.push(name),
    count: async (name) => effects.filter((effect) => effect === name).length,
  }));
  // oxlint-disable-next-line vitest/expect-expect -- rules throw AssertionErrors
  test.each(rules)('$name', ({ run }) => run());
});

test('a key is forgotten when its time is up, and then taken anew', async () => {
  const clock = new VirtualClock();
  const store = new InMemoryIdempotencyStore({ clock, expiry: '1h' });
  const request = { key: 'k', scope: '', fingerprint: 'f-1' };
  const answer = { status: 200, headers: {}, body: null };
  const once = async (fingerprint: string): Promise<boolean> => {
    const outcome = await store.once({ ...request, fingerprint }, async () => answer, {
      refusal: () => undefined,
    });
    return outcome.replayed;
  };
  expect(await once('f-1')).toBe(false);
  await clock.advance('59m');
  expect([await once('f-1'), await store.sweep()]).toEqual([true, 0]);
  await clock.advance('1m');
  expect(await once('f-2')).toBe(false);
  await clock.advance('1h');
  expect([await store.sweep(), await store.sweep()]).toEqual([1, 0]);
});
