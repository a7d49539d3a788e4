import type { DeciderCommand, Repository } from 'potter-runtime/aggregates';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import type { BankAccount, BankAccountEvent } from '../domain/bank-account.ts';

/** Every account, by number: loads one now or then, and handles commands on it. */
export type Accounts = Repository<
  BankAccount,
  BankAccountEvent,
  DeciderCommand<BankAccount, BankAccountEvent>,
  PostgresTransaction
>;
