import type { Handled } from 'potter-runtime/aggregates';
import { Rejection } from 'potter-runtime/errors';
import { exponentialBackoff, newId } from 'potter-runtime/foundation';
import type { CommandWrite } from 'potter-runtime/http';
import {
  inTransaction,
  type PostgresPool,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { type BankAccount, receiveTransfer, sendTransfer } from '../domain/bank-account.ts';
import type { Accounts } from './accounts.ts';

export interface Transfer {
  readonly fromAccount: string;
  readonly toAccount: string;
  readonly amountCents: number;
}

export interface TransferDone extends Transfer {
  readonly transferId: string;
  readonly payer: Handled<BankAccount>;
  readonly payee: Handled<BankAccount>;
}

/** Moves money between two accounts in one transaction: no reader ever sees it on both, or on neither. */
export function transferMoney(
  { pool, accounts }: { readonly pool: PostgresPool; readonly accounts: Accounts },
  { fromAccount, toAccount, amountCents }: Transfer,
  write: CommandWrite<PostgresTransaction>,
): Promise<TransferDone> {
  if (fromAccount === toAccount) {
    throw new Rejection('SAME_ACCOUNT', 'A transfer needs two different accounts.');
  }
  const transferId = newId();
  return inTransaction(
    pool,
    async (transaction) => {
      const inOne = { ...write, transaction };
      const send = () =>
        accounts.handle(fromAccount, sendTransfer({ transferId, toAccount, amountCents }), inOne);
      const receive = () =>
        accounts.handle(
          toAccount,
          receiveTransfer({ transferId, fromAccount, amountCents }),
          inOne,
        );
      // Always the same account first: two transfers in opposite directions cannot wait for each other.
      if (fromAccount < toAccount) {
        const payer = await send();
        return { transferId, fromAccount, toAccount, amountCents, payer, payee: await receive() };
      }
      const payee = await receive();
      return { transferId, fromAccount, toAccount, amountCents, payer: await send(), payee };
    },
    { within: write.transaction, retry: exponentialBackoff({ initialDelay: '5ms' }) },
  );
}
