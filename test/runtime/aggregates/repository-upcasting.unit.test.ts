import { describe, expect, test } from 'vitest';
import { repository } from 'potter-runtime/aggregates';
import { isRejection } from 'potter-runtime/errors';
import { drop, split, upcast, upcasterChain } from 'potter-runtime/events';
import { InMemoryEventStore } from 'potter-runtime/event-store';
import { type Meter, noopMeter } from 'potter-runtime/observability';
import { type Account, bankAccount, deposit, open } from './bank-account.ts';

const balance = (balanceCents: number): Account => ({ status: 'open', balanceCents });

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
