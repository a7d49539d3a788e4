import { describe, expect, test, vi } from 'vitest';
import { type DeciderCommand, repository } from 'potter-runtime/aggregates';
import { Rejection } from 'potter-runtime/errors';
import { ConcurrencyConflictError, InMemoryEventStore } from 'potter-runtime/event-store';
import { newId, noRetry, simpleRetry } from 'potter-runtime/foundation';
import { VirtualClock } from 'potter-runtime/testing';
import {
  type Account,
  type AccountEvent,
  bankAccount,
  bankAccountClass,
  deposit,
  open,
  withdraw,
} from './bank-account.ts';

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

  test('by default tries again after a part of the wait that chance decides', async () => {
    const clock = new VirtualClock();
    const eventStore = new InMemoryEventStore();
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const waits = vi.spyOn(clock, 'schedule');
    const here = repository(bankAccount, { eventStore, clock });
    const there = repository(bankAccount, { eventStore });
    await here.handle('DE-1', open('Ada'));
    const unlucky = here.handle('DE-1', async (account) => {
      await there.handle('DE-1', deposit(1));
      return deposit(1)(account);
    });
    await expect(clock.settle(unlucky)).rejects.toBeInstanceOf(ConcurrencyConflictError);
    expect(waits.mock.calls.map(([ms]) => ms)).toEqual([5, 10, 20]);
    random.mockRestore();
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
