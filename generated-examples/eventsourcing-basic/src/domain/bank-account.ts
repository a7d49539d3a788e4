import { decider } from 'potter-runtime/aggregates';
import { Rejection } from 'potter-runtime/errors';
import type { Event } from 'potter-runtime/events';

export type AccountOpened = Event<'AccountOpened', { readonly ownerName: string }>;
export type MoneyDeposited = Event<'MoneyDeposited', { readonly amountCents: number }>;
export type MoneyWithdrawn = Event<'MoneyWithdrawn', { readonly amountCents: number }>;
export type TransferSent = Event<
  'TransferSent',
  { readonly transferId: string; readonly toAccount: string; readonly amountCents: number }
>;
export type TransferReceived = Event<
  'TransferReceived',
  { readonly transferId: string; readonly fromAccount: string; readonly amountCents: number }
>;
export type AccountClosed = Event<'AccountClosed', Readonly<Record<never, never>>>;

/** Everything that can happen to an account. What is stored stays: rename nothing here, add. */
export type BankAccountEvent =
  | AccountOpened
  | MoneyDeposited
  | MoneyWithdrawn
  | TransferSent
  | TransferReceived
  | AccountClosed;

/** An account as its events have made it; `unopened` before the first. */
export interface BankAccount {
  readonly status: 'unopened' | 'open' | 'closed';
  readonly ownerName: string;
  readonly balanceCents: number;
}

/** An account that was opened once. */
export type ExistingAccount = BankAccount & { readonly status: 'open' | 'closed' };

/** How each event changes an account. An event without a case does not compile. */
export const bankAccount = decider<BankAccount, BankAccountEvent>({
  type: 'bank-account',
  initial: () => ({ status: 'unopened', ownerName: '', balanceCents: 0 }),
  evolve: {
    AccountOpened: (_, { data }) => ({
      status: 'open',
      ownerName: data.ownerName,
      balanceCents: 0,
    }),
    MoneyDeposited: (account, { data }) => add(account, data.amountCents),
    MoneyWithdrawn: (account, { data }) => add(account, -data.amountCents),
    TransferSent: (account, { data }) => add(account, -data.amountCents),
    TransferReceived: (account, { data }) => add(account, data.amountCents),
    AccountClosed: (account) => ({ ...account, status: 'closed' }),
  },
});

// Commands: a function of their arguments gives a function of the account, which decides on an event or refuses.

export const open =
  (accountNumber: string, ownerName: string) =>
  (account: BankAccount): AccountOpened => {
    if (account.status !== 'unopened') {
      throw new Rejection('ACCOUNT_EXISTS', `Account ${accountNumber} exists already.`, {
        kind: 'conflict',
      });
    }
    return { type: 'AccountOpened', data: { ownerName } };
  };

export const deposit =
  (amountCents: number) =>
  (account: BankAccount): MoneyDeposited => {
    assertCanReceive(account, amountCents);
    return { type: 'MoneyDeposited', data: { amountCents } };
  };

export const withdraw =
  (amountCents: number) =>
  (account: BankAccount): MoneyWithdrawn => {
    assertCanPay(account, amountCents);
    return { type: 'MoneyWithdrawn', data: { amountCents } };
  };

export const sendTransfer =
  (transfer: TransferSent['data']) =>
  (account: BankAccount): TransferSent => {
    assertCanPay(account, transfer.amountCents);
    return { type: 'TransferSent', data: transfer };
  };

export const receiveTransfer =
  (transfer: TransferReceived['data']) =>
  (account: BankAccount): TransferReceived => {
    assertCanReceive(account, transfer.amountCents);
    return { type: 'TransferReceived', data: transfer };
  };

export const close =
  () =>
  (account: BankAccount): AccountClosed => {
    assertOpen(account);
    if (account.balanceCents !== 0) {
      const { balanceCents } = account;
      throw new Rejection('BALANCE_NOT_ZERO', `The account still holds ${balanceCents} cents.`, {
        kind: 'conflict',
        details: { balanceCents },
      });
    }
    return { type: 'AccountClosed', data: {} };
  };

// Rules

/** Refuses when the account was never opened. */
export function assertExists(account: BankAccount): asserts account is ExistingAccount {
  if (account.status !== 'unopened') return;
  throw new Rejection('ACCOUNT_NOT_FOUND', 'There is no such account.', { kind: 'not-found' });
}

function assertOpen(account: BankAccount): void {
  assertExists(account);
  if (account.status === 'open') return;
  throw new Rejection('ACCOUNT_CLOSED', 'The account is closed.', { kind: 'conflict' });
}

function assertCanReceive(account: BankAccount, amountCents: number): void {
  assertOpen(account);
  assertAmount(amountCents);
  // Beyond this a number no longer counts single cents.
  if (account.balanceCents + amountCents <= Number.MAX_SAFE_INTEGER) return;
  throw new Rejection('BALANCE_LIMIT_EXCEEDED', 'The account cannot hold that much.');
}

function assertCanPay(account: BankAccount, amountCents: number): void {
  assertOpen(account);
  assertAmount(amountCents);
  const { balanceCents } = account;
  if (balanceCents >= amountCents) return;
  throw new Rejection(
    'INSUFFICIENT_FUNDS',
    `The account holds ${balanceCents} of ${amountCents} cents.`,
    {
      details: { balanceCents, amountCents },
    },
  );
}

function assertAmount(amountCents: number): void {
  if (Number.isSafeInteger(amountCents) && amountCents > 0) return;
  throw new Rejection('INVALID_AMOUNT', `${amountCents} is not a whole, positive number of cents.`);
}

function add(account: BankAccount, cents: number): BankAccount {
  return { ...account, balanceCents: account.balanceCents + cents };
}
