import { describe, expect, test } from 'vitest';
import { decider } from 'potter-runtime/aggregates';
import type { Event } from 'potter-runtime/events';
import { given } from 'potter-runtime/testing';
import {
  type AccountEvent,
  type AccountOpened,
  type MoneyDeposited,
  bankAccount,
  bankAccountClass,
  deposit,
  open,
  withdraw,
} from '../aggregates/bank-account.ts';

const opened: AccountOpened = { type: 'AccountOpened', data: { owner: 'Ada' } };
const deposited: MoneyDeposited = { type: 'MoneyDeposited', data: { amountCents: 500 } };

async function failureOf(work: Promise<void>): Promise<Error & { readonly code?: string }> {
  return work.then(
    () => {
      throw new Error('it should have failed');
    },
    (error: Error) => error,
  );
}

describe('given – when – then', () => {
  test('passes for a decider whose events, refusals and states are as expected', async () => {
    await given(bankAccount).when(open('Ada')).thenEvents(opened);
    await given(bankAccount, opened)
      .when(open('Ada'))
      .thenRejected('ACCOUNT_EXISTS', ({ kind }) => expect(kind).toBe('conflict'));
    await given(bankAccount, opened).when(deposit(500)).thenEvents(deposited);
    await given(bankAccount, opened, deposited)
      .when(withdraw(200))
      .thenState({ status: 'open', balanceCents: 300 });
    await given(bankAccount, opened)
      .when(() => [])
      .thenNothing();
    await given(bankAccount, opened, deposited).thenState({ status: 'open', balanceCents: 500 });
    await given(bankAccount, opened, deposited).thenState(({ balanceCents }) =>
      expect(balanceCents).toBe(500),
    );
  });

  test('passes for a class in the same words', async () => {
    await given(bankAccountClass, opened)
      .when((account) => account.deposit(500))
      .thenEvents(deposited);
    await given(bankAccountClass, opened)
      .when((account) => account.withdraw(1))
      .thenRejected('INSUFFICIENT_FUNDS');
    await given(bankAccountClass, opened, deposited).thenState(({ account }) =>
      expect(account.balanceCents).toBe(500),
    );
  });

  test('compares tags and metadata only where the expectation names them', async () => {
    const tagged = (): AccountEvent & { tags: string[] } => ({ ...deposited, tags: ['gift'] });
    await given(bankAccount, opened).when(tagged).thenEvents(deposited);
    await given(bankAccount, opened)
      .when(tagged)
      .thenEvents({ ...deposited, tags: ['gift'] });
    await expect(
      given(bankAccount, opened)
        .when(tagged)
        .thenEvents({ ...deposited, tags: ['loan'] }),
    ).rejects.toThrow("events[0].tags[0]: expected 'loan', got 'gift'");
  });

  test('a failure tells the whole story and where it differs', async () => {
    const failure = await failureOf(
      given(bankAccount, opened).when(deposit(50), 'deposit(50)').thenEvents(deposited),
    );
    expect(failure.message).toBe(
      [
        "Given  AccountOpened { owner: 'Ada' }",
        'When   deposit(50)',
        'Then   expected MoneyDeposited { amountCents: 500 }',
        '       but got  MoneyDeposited { amountCents: 50 }',
        '       ✗ events[0].data.amountCents: expected 500, got 50',
      ].join('\n'),
    );
    expect(failure).toMatchObject({ code: 'ERR_ASSERTION', expected: [deposited] });
  });

  test.each<[string, () => Promise<void>, string]>([
    [
      'a missing event',
      () => given(bankAccount, opened).when(deposit(500)).thenEvents(deposited, deposited),
      'events[1]: expected MoneyDeposited { amountCents: 500 }, got nothing',
    ],
    [
      'an event too many',
      () =>
        given(bankAccount, opened)
          .when(() => [deposited, opened])
          .thenEvents(deposited),
      "events[1]: expected nothing, got AccountOpened { owner: 'Ada' }",
    ],
    [
      'another type',
      () => given(bankAccount, opened).when(deposit(500)).thenEvents(opened),
      "events[0]: expected AccountOpened { owner: 'Ada' }, got MoneyDeposited { amountCents: 500 }",
    ],
    [
      'events where none were expected',
      () => given(bankAccount, opened).when(deposit(500)).thenNothing(),
      'expected no events\n       but got  MoneyDeposited { amountCents: 500 }',
    ],
    [
      'a rejection where events were expected',
      () => given(bankAccount).when(deposit(500)).thenEvents(deposited),
      'but it threw ACCOUNT_MISSING: No account.',
    ],
    [
      'events where a rejection was expected',
      () => given(bankAccount, opened).when(deposit(500)).thenRejected('X'),
      'expected a rejection X\n       but got  MoneyDeposited',
    ],
    [
      'another rejection',
      () => given(bankAccount).when(deposit(500)).thenRejected('X'),
      'but it was rejected with ACCOUNT_MISSING: No account.',
    ],
    [
      'a defect where a rejection was expected',
      () =>
        given(bankAccount)
          .when(() => {
            throw new TypeError('boom');
          })
          .thenRejected('X'),
      'but it broke with INTERNAL_ERROR: boom',
    ],
    [
      'another state',
      () => given(bankAccount, opened).thenState({ status: 'open', balanceCents: 1 }),
      'state.balanceCents: expected 1, got 0',
    ],
  ])('fails for %s', async (_what, run, story) => {
    expect((await failureOf(run())).message).toContain(story);
  });

  test('a case that changes the state it was given fails, though it would pass by luck in memory', async () => {
    type Added = Event<'Added', { readonly item: string }>;
    const careless = decider<{ readonly items: string[] }, Added>({
      type: 'list',
      initial: () => ({ items: [] }),
      evolve: {
        Added: (state, { data }) => {
          state.items.push(data.item);
          return state;
        },
      },
    });
    const added: Added = { type: 'Added', data: { item: 'x' } };
    await expect(given(careless, added).thenState({ items: ['x'] })).rejects.toThrow(TypeError);
  });
});
