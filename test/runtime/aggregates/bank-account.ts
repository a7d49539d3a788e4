import {
  Aggregate,
  aggregate,
  type ClassAggregate,
} from '../../../runtime/src/aggregates/aggregate.ts';
import { decider, type Decider } from '../../../runtime/src/aggregates/decider.ts';
import { Rejection } from '../../../runtime/src/errors/rejection.ts';
import type { Event } from '../../../runtime/src/events/event.ts';

/** One domain in both styles, so that every rule of the repository can be shown for each. */
export type AccountOpened = Event<'AccountOpened', { readonly owner: string }>;
export type MoneyDeposited = Event<'MoneyDeposited', { readonly amountCents: number }>;
export type MoneyWithdrawn = Event<'MoneyWithdrawn', { readonly amountCents: number }>;
export type AccountEvent = AccountOpened | MoneyDeposited | MoneyWithdrawn;

export interface Account {
  readonly status: 'none' | 'open';
  readonly balanceCents: number;
}

export const bankAccount: Decider<Account, AccountEvent> = decider<Account, AccountEvent>({
  type: 'bank-account',
  initial: () => ({ status: 'none', balanceCents: 0 }),
  evolve: {
    AccountOpened: (account) => ({ ...account, status: 'open' }),
    MoneyDeposited: (account, { data }) => ({
      ...account,
      balanceCents: account.balanceCents + data.amountCents,
    }),
    MoneyWithdrawn: (account, { data }) => ({
      ...account,
      balanceCents: account.balanceCents - data.amountCents,
    }),
  },
});

export const open =
  (owner: string) =>
  (account: Account): AccountOpened => {
    if (account.status === 'open')
      throw new Rejection('ACCOUNT_EXISTS', 'The account is open.', { kind: 'conflict' });
    return { type: 'AccountOpened', data: { owner } };
  };

export const deposit =
  (amountCents: number) =>
  (account: Account): MoneyDeposited => {
    if (account.status !== 'open')
      throw new Rejection('ACCOUNT_MISSING', 'No account.', { kind: 'not-found' });
    return { type: 'MoneyDeposited', data: { amountCents } };
  };

export const withdraw =
  (amountCents: number) =>
  (account: Account): MoneyWithdrawn => {
    if (account.balanceCents < amountCents) {
      throw new Rejection('INSUFFICIENT_FUNDS', `The balance is ${account.balanceCents} cents.`);
    }
    return { type: 'MoneyWithdrawn', data: { amountCents } };
  };

/** The same account as a class. */
export class BankAccount extends Aggregate<AccountEvent> {
  #account: Account = bankAccount.initial();

  protected override readonly when = {
    AccountOpened: () => this.#change({ status: 'open' }),
    MoneyDeposited: ({ data }: MoneyDeposited) =>
      this.#change({ balanceCents: this.#account.balanceCents + data.amountCents }),
    MoneyWithdrawn: ({ data }: MoneyWithdrawn) =>
      this.#change({ balanceCents: this.#account.balanceCents - data.amountCents }),
  };

  static restore(account: Account): BankAccount {
    const restored = new BankAccount();
    restored.#account = account;
    return restored;
  }

  get account(): Account {
    return this.#account;
  }

  open(owner: string): void {
    this.raise(open(owner)(this.#account));
  }

  deposit(amountCents: number): void {
    this.raise(deposit(amountCents)(this.#account));
  }

  withdraw(amountCents: number): void {
    this.raise(withdraw(amountCents)(this.#account));
  }

  #change(change: Partial<Account>): void {
    this.#account = { ...this.#account, ...change };
  }
}

export const bankAccountClass: ClassAggregate<AccountEvent, BankAccount> = aggregate({
  type: 'bank-account',
  create: () => new BankAccount(),
  snapshot: {
    version: 1,
    toJson: ({ account }) => account,
    fromJson: (json) => BankAccount.restore(json as Account),
  },
});
