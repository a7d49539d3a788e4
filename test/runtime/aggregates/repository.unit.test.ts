import { describe, expect, test, vi } from 'vitest';
import { type DeciderCommand, repository } from 'potter-runtime/aggregates';
import { isRejection, PotterError, Rejection } from 'potter-runtime/errors';
import { drop, split, upcast, upcasterChain } from 'potter-runtime/events';
import { ConcurrencyConflictError, InMemoryEventStore } from 'potter-runtime/event-store';
import { newId, noRetry, simpleRetry } from 'potter-runtime/foundation';
import {
  currentCorrelation,
  type Meter,
  noopMeter,
  withCorrelation,
} from 'potter-runtime/observability';
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

describe('handling a command', () => {
  test('appends what it decided and returns the state, the version and the recorded events', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const opened = await accounts.handle('DE-1', open('Ada'));
    expect(opened).toMatchObject({
      state: balance(0),
      version: 1n,
      events: [{ type: 'AccountOpened', version: 1n }],
    });
    const deposited = await accounts.handle('DE-1', deposit(5_000));
    expect(deposited).toMatchObject({ state: balance(5_000), version: 2n });
    expect(deposited.events[0]).toMatchObject({
      streamId: 'bank-account:DE-1',
      data: { amountCents: 5_000 },
    });
  });

  test('takes several events, none, and commands that are asynchronous', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const several = await accounts.handle('DE-1', async (account) => [
      open('Ada')(account),
      { type: 'MoneyDeposited', data: { amountCents: 7 }, tags: ['gift'] },
    ]);
    expect(several).toMatchObject({ state: balance(7), version: 2n });
    expect(several.events[1]?.tags).toEqual(['gift']);
    expect(await accounts.handle('DE-1', () => [])).toEqual({
      state: balance(7),
      version: 2n,
      events: [],
    });
  });

  test('passes a rejection on and appends nothing', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    await accounts.handle('DE-1', open('Ada'));
    await expect(accounts.handle('DE-1', withdraw(1))).rejects.toThrow(Rejection);
    expect(await accounts.load('DE-1')).toMatchObject({ version: 1n });
  });

  test('refuses an event it could not replay, before it is stored', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const unknown = { type: 'AccountFrozen', data: {} } as unknown as AccountEvent;
    await expect(accounts.handle('DE-1', () => unknown)).rejects.toMatchObject({
      code: 'UNKNOWN_EVENT_TYPE',
      message: expect.stringContaining('AccountOpened, MoneyDeposited, MoneyWithdrawn'),
    });
    expect(await accounts.load('DE-1')).toMatchObject({ version: 0n });
  });

  test('the same event id again changes nothing and gives the stored event and the present state', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    await accounts.handle('DE-1', open('Ada'));
    const id = newId();
    const once = (account: Account) => ({ ...deposit(10)(account), id });
    const first = await accounts.handle('DE-1', once);
    await accounts.handle('DE-1', deposit(1));
    const again = await accounts.handle('DE-1', once);
    expect(again).toMatchObject({ state: balance(11), version: 3n });
    expect(again.events).toEqual(first.events);
  });
});

describe('conflicts', () => {
  test('a command that lost a race is decided again on the newer state', async () => {
    const [here, there] = twoProcesses();
    await here.handle('DE-1', open('Ada'));
    let runs = 0;
    const handled = await here.handle('DE-1', async (account) => {
      runs += 1;
      if (runs === 1) await there.handle('DE-1', deposit(100));
      return withdraw(account.balanceCents)(account);
    });
    expect(runs).toBe(2);
    expect(handled).toMatchObject({ state: balance(0), version: 3n });
  });

  test('after three retries the conflict is thrown, with stream, expected and actual version', async () => {
    const [here, there] = twoProcesses();
    await here.handle('DE-1', open('Ada'));
    let runs = 0;
    const unlucky = here.handle('DE-1', async (account) => {
      runs += 1;
      await there.handle('DE-1', deposit(1));
      return deposit(1)(account);
    });
    await expect(unlucky).rejects.toBeInstanceOf(ConcurrencyConflictError);
    await expect(unlucky).rejects.toMatchObject({
      stream: 'bank-account:DE-1',
      expected: 4n,
      actual: 5n,
    });
    await expect(unlucky).rejects.toThrow(/during each of 4 attempts: try again later/);
    expect(runs).toBe(4);
  });

  test('the number of retries is the policy’s', async () => {
    const eventStore = new InMemoryEventStore();
    const there = repository(bankAccount, { eventStore });
    await there.handle('DE-1', open('Ada'));
    for (const [retry, expectedRuns] of [
      [noRetry, 1],
      [simpleRetry({ maxAttempts: 6, delay: 0 }), 6],
    ] as const) {
      const here = repository(bankAccount, { eventStore, retry });
      const command = vi.fn<(account: Account) => Promise<AccountEvent>>(async (account) => {
        await there.handle('DE-1', deposit(1));
        return deposit(1)(account);
      });
      await expect(here.handle('DE-1', command)).rejects.toMatchObject({
        code: 'CONCURRENCY_CONFLICT',
      });
      expect(command).toHaveBeenCalledTimes(expectedRuns);
    }
  });

  test('a stale `expected` is a conflict at once: the command does not run', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    await accounts.handle('DE-1', open('Ada'));
    await accounts.handle('DE-1', deposit(1));
    const command = vi.fn<DeciderCommand<Account, AccountEvent>>(deposit(1));
    await expect(accounts.handle('DE-1', command, { expected: 1n })).rejects.toMatchObject({
      expected: 1n,
      actual: 2n,
    });
    await expect(accounts.handle('DE-1', command, { expected: 'none' })).rejects.toMatchObject({
      expected: 'none',
      actual: 2n,
    });
    expect(command).not.toHaveBeenCalled();
    expect(await accounts.handle('DE-1', command, { expected: 2n })).toMatchObject({ version: 3n });
    expect(await accounts.handle('DE-1', command, { expected: 'exists' })).toMatchObject({
      version: 4n,
    });
  });

  test('an `expected` that becomes stale while the command runs is a conflict without a retry', async () => {
    const [here, there] = twoProcesses();
    await here.handle('DE-1', open('Ada'));
    let runs = 0;
    const racing = here.handle(
      'DE-1',
      async (account) => {
        runs += 1;
        await there.handle('DE-1', deposit(1));
        return deposit(1)(account);
      },
      { expected: 1n },
    );
    await expect(racing).rejects.toMatchObject({
      code: 'CONCURRENCY_CONFLICT',
      expected: 1n,
      actual: 2n,
    });
    expect(runs).toBe(1);
  });

  test('a conflict about another stream is the command’s own failure and is not retried', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    const command = vi.fn<() => AccountEvent>(() => {
      throw new ConcurrencyConflictError('other:1', 1n, 2n);
    });
    await expect(accounts.handle('DE-1', command)).rejects.toMatchObject({ stream: 'other:1' });
    expect(command).toHaveBeenCalledTimes(1);
  });
});

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

describe('loading', () => {
  test('a stream that does not exist is the initial state at version 0', async () => {
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore() });
    expect(await accounts.load('DE-1')).toEqual({
      state: { status: 'none', balanceCents: 0 },
      version: 0n,
      snapshotVersion: undefined,
      eventsRead: 0,
    });
  });

  test('gives the state of any past version, and of a past time', async () => {
    let nowMs = 0;
    const clock = { now: () => new Date((nowMs += 1_000)), schedule: () => ({ cancel: () => {} }) };
    const accounts = repository(bankAccount, { eventStore: new InMemoryEventStore({ clock }) });
    await accounts.handle('DE-1', open('Ada'));
    await accounts.handle('DE-1', deposit(5));
    await accounts.handle('DE-1', deposit(6));
    expect(await accounts.load('DE-1', { version: 2n })).toMatchObject({
      state: balance(5),
      version: 2n,
    });
    expect(await accounts.load('DE-1', { version: 0n })).toMatchObject({ version: 0n });
    expect(await accounts.load('DE-1', { version: 99n })).toMatchObject({
      state: balance(11),
      version: 3n,
    });
    expect(await accounts.load('DE-1', { at: new Date(2_500) })).toMatchObject({
      state: balance(5),
      version: 2n,
    });
    expect(await accounts.load('DE-1', { at: new Date(1) })).toMatchObject({ version: 0n });
  });
});

describe('what was stored long ago', () => {
  const upcasters = upcasterChain({
    current: { MoneyDeposited: 3 },
    upcasters: [
      upcast('Deposited', 1, ({ euros }: { readonly euros: number }) => ({ cents: euros * 100 }), {
        type: 'MoneyDeposited',
        version: 2,
      }),
      upcast('MoneyDeposited', 1, ({ euros }: { readonly euros: number }) => ({
        cents: euros * 100,
      })),
      upcast('MoneyDeposited', 2, ({ cents }: { readonly cents: number }) => ({
        amountCents: cents,
      })),
      drop('AccountRenamed'),
      split(
        'OpenedWithGift',
        1,
        [
          { type: 'AccountOpened', version: 1 },
          { type: 'MoneyDeposited', version: 3 },
        ],
        () => [
          { type: 'AccountOpened', schemaVersion: 1, data: { owner: 'Ada' } },
          { type: 'MoneyDeposited', schemaVersion: 3, data: { amountCents: 5 } },
        ],
      ),
    ],
  });

  test('is brought to its current form on every load: renamed, split, dropped, version by version', async () => {
    const eventStore = new InMemoryEventStore({ upcasters });
    const accounts = repository(bankAccount, { eventStore });
    await eventStore.appendToStream(accounts.streamOf('DE-1'), [
      { type: 'OpenedWithGift', data: {}, schemaVersion: 1 },
      { type: 'Deposited', data: { euros: 1 }, schemaVersion: 1 },
      { type: 'MoneyDeposited', data: { euros: 2 }, schemaVersion: 1 },
      { type: 'MoneyDeposited', data: { cents: 3 }, schemaVersion: 2 },
      { type: 'AccountRenamed', data: {}, schemaVersion: 1 },
    ]);
    expect(await accounts.load('DE-1')).toMatchObject({ state: balance(308), version: 5n });
    const { version, events } = await accounts.handle('DE-1', deposit(1));
    expect([version, events[0]?.schemaVersion]).toEqual([6n, 3]);
    expect(await accounts.load('DE-1', { version: 2n })).toMatchObject({
      state: balance(105),
      version: 2n,
    });
  });

  test('and that nothing knows any more fails with the place it lies at and the cases there are', async () => {
    const eventStore = new InMemoryEventStore();
    const accounts = repository(bankAccount, { eventStore });
    await accounts.handle('DE-1', open('Ada'));
    await eventStore.appendToStream(accounts.streamOf('DE-1'), [
      { type: 'AccountRenamed', data: {} },
    ]);
    await expect(accounts.load('DE-1')).rejects.toMatchObject({
      code: 'UNKNOWN_EVENT_TYPE',
      message:
        "[UNKNOWN_EVENT_TYPE] 'bank-account' has no case for the event 'AccountRenamed' (stream 'bank-account:DE-1', version 2); it knows AccountOpened, MoneyDeposited, MoneyWithdrawn. Add the case, or an upcaster that renames or drops the event.",
    });
  });
});

test('a repository measures how long commands take and how often they conflict', async () => {
  const measured: string[] = [];
  const meter: Meter = {
    ...noopMeter,
    counter: (name) => ({
      add: (value, attributes) => measured.push(`${name} ${value} ${attributes?.['aggregate']}`),
    }),
    histogram: (name) => ({
      record: (_value, attributes) => measured.push(`${name} ${attributes?.['aggregate']}`),
    }),
  };
  const eventStore = new InMemoryEventStore();
  const here = repository(bankAccount, { eventStore, meter });
  const there = repository(bankAccount, { eventStore });
  await here.handle('DE-1', open('Ada'));
  let runs = 0;
  await here.handle('DE-1', async (account) => {
    runs += 1;
    if (runs === 1) await there.handle('DE-1', deposit(1));
    return deposit(1)(account);
  });
  expect(measured).toEqual([
    'potter_aggregate_handle_duration_seconds bank-account',
    'potter_aggregate_conflicts_total 1 bank-account',
    'potter_aggregate_handle_duration_seconds bank-account',
  ]);
});

test('of eight processes that open the same account at once, exactly one does, a hundred times over', async () => {
  const eventStore = new InMemoryEventStore();
  const processes = Array.from({ length: 8 }, () => repository(bankAccount, { eventStore }));
  for (let account = 0; account < 100; account += 1) {
    const id = `DE-${account}`;
    const outcomes = await Promise.allSettled(
      processes.map((accounts) => accounts.handle(id, open('Ada'))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(
      outcomes.filter(
        (outcome) => outcome.status === 'rejected' && isRejection(outcome.reason, 'ACCOUNT_EXISTS'),
      ),
    ).toHaveLength(7);
    expect(await processes[0]?.load(id)).toMatchObject({ version: 1n });
  }
});

describe('a class aggregate', () => {
  test('stands on the same repository and reads the streams of the decider', async () => {
    const eventStore = new InMemoryEventStore();
    const functions = repository(bankAccount, { eventStore });
    const objects = repository(bankAccountClass, { eventStore });
    await functions.handle('DE-1', open('Ada'));
    const handled = await objects.handle('DE-1', (account) => {
      account.deposit(10);
      account.withdraw(3);
    });
    expect(handled.events.map(({ type }) => type)).toEqual(['MoneyDeposited', 'MoneyWithdrawn']);
    expect(handled.state.account).toEqual(balance(7));
    await expect(objects.handle('DE-1', (account) => account.withdraw(8))).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
    });
    expect(await functions.load('DE-1')).toMatchObject({ state: balance(7), version: 3n });
  });

  test('gives every command an instance of its own: what one got is not changed by the next', async () => {
    const accounts = repository(bankAccountClass, { eventStore: new InMemoryEventStore() });
    await accounts.handle('DE-1', (account) => account.open('Ada'));
    const [first, second] = await Promise.all([
      accounts.handle('DE-1', (account) => account.deposit(1)),
      accounts.handle('DE-1', (account) => account.deposit(1)),
    ]);
    expect([first?.state.account.balanceCents, second?.state.account.balanceCents]).toEqual([1, 2]);
  });

  test('events of a command that failed half-way are not appended by the next', async () => {
    const accounts = repository(bankAccountClass, { eventStore: new InMemoryEventStore() });
    await accounts.handle('DE-1', (account) => account.open('Ada'));
    const failing = accounts.handle('DE-1', (account) => {
      account.deposit(10);
      account.withdraw(11);
    });
    await expect(failing).rejects.toThrow(Rejection);
    expect(await accounts.handle('DE-1', (account) => account.deposit(1))).toMatchObject({
      version: 2n,
    });
  });
});
