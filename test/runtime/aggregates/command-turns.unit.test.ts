import { describe, expect, test, vi } from 'vitest';
import { type DeciderCommand, repository } from 'potter-runtime/aggregates';
import { PotterError } from 'potter-runtime/errors';
import { InMemoryEventStore } from 'potter-runtime/event-store';
import { newId, noRetry, simpleRetry } from 'potter-runtime/foundation';
import { currentCorrelation, withCorrelation } from 'potter-runtime/observability';
import {
  type Account,
  type AccountEvent,
  bankAccount,
  bankAccountClass,
  deposit,
  open,
  withdraw,
} from './bank-account.ts';
import { deferred } from '../../support/deferred.ts';

/** A second process: its own repository, so its own queue, on the same store. */
function twoProcesses() {
  const eventStore = new InMemoryEventStore();
  return [
    repository(bankAccount, { eventStore }),
    repository(bankAccount, { eventStore }),
  ] as const;
}

const balance = (balanceCents: number): Account => ({ status: 'open', balanceCents });

describe('many commands for one aggregate', () => {
  test('1,000 concurrent deposits in one process all succeed, in the order they came, with one load and few appends', async () => {
    const eventStore = new InMemoryEventStore();
    const reads = vi.spyOn(eventStore, 'readStream');
    const appends = vi.spyOn(eventStore, 'appendToStream');
    const accounts = repository(bankAccount, { eventStore });
    await accounts.handle('DE-1', open('Ada'));
    const all = await Promise.all(
      Array.from({ length: 1_000 }, () => accounts.handle('DE-1', deposit(1))),
    );
    expect(all.map(({ version }) => version)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => BigInt(i + 2)),
    );
    expect(all.at(-1)?.state).toEqual(balance(1_000));
    expect(reads).toHaveBeenCalledTimes(2);
    // The opening, the first deposit alone, and the 999 behind it by hundreds.
    expect(appends).toHaveBeenCalledTimes(12);
  });

  test('of a class each get an object of their own, as it was after their command', async () => {
    const accounts = repository(bankAccountClass, { eventStore: new InMemoryEventStore() });
    await accounts.handle('DE-1', (account) => account.open('Ada'));
    const all = await Promise.all(
      [1, 2, 3].map((cents) => accounts.handle('DE-1', (account) => account.deposit(cents))),
    );
    expect(all.map(({ state }) => state.account.balanceCents)).toEqual([1, 3, 6]);
  });

  test('those that wait are decided on each other’s outcome and appended together, each with its own result', async () => {
    const eventStore = new InMemoryEventStore();
    const appends = vi.spyOn(eventStore, 'appendToStream');
    const accounts = repository(bankAccount, { eventStore });
    const outcomes = await Promise.allSettled([
      accounts.handle('DE-1', open('Ada')),
      accounts.handle('DE-1', deposit(10), { metadata: { user: 'a' } }),
      accounts.handle('DE-1', withdraw(11)),
      accounts.handle('DE-1', () => []),
      accounts.handle('DE-1', (account) => [deposit(1)(account), deposit(2)(account)], {
        metadata: { user: 'b' },
      }),
      accounts.handle('DE-1', withdraw(13), { expected: 4n }),
      accounts.handle('DE-1', deposit(1), { expected: 2n }),
    ]);
    expect(appends).toHaveBeenCalledTimes(2);
    const [, ten, tooMuch, nothing, three, all, stale] = outcomes;
    expect(ten).toMatchObject({
      value: {
        version: 2n,
        state: balance(10),
        events: [{ version: 2n, metadata: { user: 'a' } }],
      },
    });
    expect(tooMuch).toMatchObject({
      reason: { code: 'INSUFFICIENT_FUNDS', message: 'The balance is 10 cents.' },
    });
    expect(nothing).toMatchObject({ value: { version: 2n, state: balance(10), events: [] } });
    expect(three).toMatchObject({
      value: {
        version: 4n,
        state: balance(13),
        events: [{ version: 3n }, { version: 4n, metadata: { user: 'b' } }],
      },
    });
    expect(all).toMatchObject({ value: { version: 5n, state: balance(0) } });
    expect(stale).toMatchObject({
      reason: { code: 'CONCURRENCY_CONFLICT', expected: 2n, actual: 5n },
    });
  });

  test('one whose events cannot be stored does not take its neighbours with it', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const bad = { type: 'MoneyDeposited', data: { amountCents: 1, oops: new Map() } } as const;
    const outcomes = await Promise.allSettled([
      accounts.handle('DE-1', open('Ada')),
      accounts.handle('DE-1', deposit(1)),
      accounts.handle('DE-1', () => bad),
      accounts.handle('DE-1', deposit(2)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(outcomes[2]).toMatchObject({ reason: { code: 'SERIALIZATION_FAILED' } });
    expect(await accounts.load('DE-1')).toMatchObject({ state: balance(3), version: 3n });
  });

  test('repeated event ids among those that wait are recognised one by one', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const id = newId();
    const once = (account: Account) => ({ ...deposit(10)(account), id });
    const outcomes = await Promise.all([
      accounts.handle('DE-1', open('Ada')),
      accounts.handle('DE-1', deposit(1)),
      accounts.handle('DE-1', once),
      accounts.handle('DE-1', deposit(2)),
      accounts.handle('DE-1', once),
      accounts.handle('DE-1', deposit(3)),
    ]);
    expect(outcomes[4]?.events).toEqual(outcomes[2]?.events);
    expect(outcomes.map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n, 4n, 5n]);
    expect(await accounts.load('DE-1')).toMatchObject({ state: balance(16), version: 5n });
  });

  test('each runs in its caller’s own context, also when a neighbour appends for it', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    await accounts.handle('DE-1', open('Ada'));
    const callers = ['a', 'b', 'c', 'd'];
    const seen = await Promise.all(
      callers.map((correlationId) =>
        withCorrelation({ correlationId }, async () => {
          let inside: string | undefined;
          const { events } = await accounts.handle('DE-1', (account) => {
            inside = currentCorrelation()?.correlationId;
            return deposit(1)(account);
          });
          return [inside, events[0]?.metadata.correlationId, currentCorrelation()?.correlationId];
        }),
      ),
    );
    expect(seen).toEqual(callers.map((caller) => [caller, caller, caller]));
  });

  test('a store that fails fails all that were to be appended together, and the next go on', async () => {
    const eventStore = new InMemoryEventStore();
    const accounts = repository(bankAccount, { eventStore });
    await accounts.handle('DE-1', open('Ada'));
    vi.spyOn(eventStore, 'appendToStream').mockRejectedValueOnce(new Error('no connection'));
    const outcomes = await Promise.allSettled(
      [1, 2, 3].map((cents) => accounts.handle('DE-1', deposit(cents))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(await accounts.load('DE-1')).toMatchObject({ state: balance(5) });
  });

  test('300 deposits from three processes lose none', async () => {
    const eventStore = new InMemoryEventStore();
    const processes = [1, 2, 3].map(() =>
      repository(bankAccount, {
        eventStore,
        retry: simpleRetry({ maxAttempts: 100, delay: 1, jitter: 'full' }),
      }),
    );
    await processes[0]?.handle('DE-1', open('Ada'));
    await Promise.all(
      processes.flatMap((accounts) =>
        Array.from({ length: 100 }, () => accounts.handle('DE-1', deposit(1))),
      ),
    );
    expect(await processes[1]?.load('DE-1')).toMatchObject({ state: balance(300), version: 301n });
  });

  test('a refusal is never decided on a state another process has changed since', async () => {
    const [here, there] = twoProcesses();
    await here.handle('DE-1', open('Ada'));
    const first = here.handle('DE-1', deposit(1));
    const second = here.handle('DE-1', withdraw(100));
    const gift = first.then(() => there.handle('DE-1', deposit(99)));
    await Promise.all([gift, second.catch(() => {})]);
    // Whatever the interleaving, the withdrawal that saw 100 cents must not have been refused for having 1.
    const { state } = await here.load('DE-1');
    const outcome = await second.then(
      () => 'done',
      () => 'refused',
    );
    expect([outcome, state.balanceCents]).toSatisfy(
      ([what, cents]) => (what === 'done' && cents === 0) || (what === 'refused' && cents === 100),
    );
  });

  test('one that fails does not hold up those behind it', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    await accounts.handle('DE-1', open('Ada'));
    const outcomes = await Promise.allSettled([
      accounts.handle('DE-1', deposit(5)),
      accounts.handle('DE-1', withdraw(50)),
      accounts.handle('DE-1', deposit(6)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await accounts.load('DE-1')).toMatchObject({ state: balance(11) });
  });

  test('commands for different aggregates do not wait for each other', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const gate = deferred();
    const slow = accounts.handle('DE-1', async (account) => {
      await gate.promise;
      return open('Ada')(account);
    });
    await accounts.handle('DE-2', open('Grace'));
    gate.resolve();
    expect(await slow).toMatchObject({ version: 1n });
  });

  test('a waiting command whose signal fires leaves the line with ABORTED and never runs', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const controller = new AbortController();
    const gate = deferred();
    const first = accounts.handle('DE-1', async (account) => {
      await gate.promise;
      return open('Ada')(account);
    });
    const command = vi.fn<DeciderCommand<Account, AccountEvent>>(deposit(1));
    const second = accounts.handle('DE-1', command, { signal: controller.signal });
    const third = accounts.handle('DE-1', deposit(2));
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    gate.resolve();
    await first;
    expect(await third).toMatchObject({ state: balance(2) });
    expect(command).not.toHaveBeenCalled();
  });

  test('a long-lived signal keeps nothing of the commands that had it', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    await accounts.handle('DE-1', open('Ada'), { signal });
    await Promise.all(
      Array.from({ length: 8 }, () => accounts.handle('DE-1', deposit(1), { signal })),
    );
    expect(added).toHaveBeenCalled();
    expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
  });

  test('a line that is full refuses with OVERLOADED, naming stream and limit', async () => {
    const accounts = repository(bankAccount, {
      eventStore: new InMemoryEventStore(),
      maxWaiting: 2,
    });
    const outcomes = await Promise.allSettled([
      accounts.handle('DE-1', open('Ada')),
      accounts.handle('DE-1', deposit(1)),
      accounts.handle('DE-1', deposit(1)),
      accounts.handle('DE-1', deposit(1)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect(outcomes[3]).toMatchObject({
      reason: expect.objectContaining({
        code: 'OVERLOADED',
        details: { stream: 'bank-account:DE-1', limit: 2 },
      }),
    });
  });

  test('a command that handles its own aggregate ends in a conflict, not in a deadlock', async () => {
    const accounts = repository(bankAccount, {
      eventStore: new InMemoryEventStore(),
      retry: noRetry,
    });
    await accounts.handle('DE-1', open('Ada'));
    const nested = accounts.handle('DE-1', async (account) => {
      await accounts.handle('DE-1', deposit(1));
      return deposit(1)(account);
    });
    await expect(nested).rejects.toThrow(PotterError);
  });
});
