import { given } from 'potter-runtime/testing';
import { describe, test } from 'vitest';
import {
  bankAccount,
  type BankAccountEvent,
  close,
  deposit,
  open,
  receiveTransfer,
  sendTransfer,
  withdraw,
} from '../../src/domain/bank-account.ts';

const opened: BankAccountEvent = { type: 'AccountOpened', data: { ownerName: 'Ada' } };
const deposited = (amountCents: number): BankAccountEvent => ({
  type: 'MoneyDeposited',
  data: { amountCents },
});
const withdrawn = (amountCents: number): BankAccountEvent => ({
  type: 'MoneyWithdrawn',
  data: { amountCents },
});
const closed: BankAccountEvent = { type: 'AccountClosed', data: {} };
const outgoing = { transferId: 't-1', toAccount: 'DE-2', amountCents: 300 };
const incoming = { transferId: 't-1', fromAccount: 'DE-1', amountCents: 300 };

describe('opening', () => {
  test('makes an account without money', async () => {
    await given(bankAccount).when(open('DE-1', 'Ada')).thenEvents(opened);
    await given(bankAccount, opened).thenState({
      status: 'open',
      ownerName: 'Ada',
      balanceCents: 0,
    });
  });

  test('is refused for an account that exists, closed or not', async () => {
    await given(bankAccount, opened).when(open('DE-1', 'Eve')).thenRejected('ACCOUNT_EXISTS');
    await given(bankAccount, opened, closed)
      .when(open('DE-1', 'Eve'))
      .thenRejected('ACCOUNT_EXISTS');
  });
});

describe('money', () => {
  test('comes in and goes out', async () => {
    await given(bankAccount, opened).when(deposit(500)).thenEvents(deposited(500));
    await given(bankAccount, opened, deposited(500)).when(withdraw(200)).thenEvents(withdrawn(200));
    await given(bankAccount, opened, deposited(500), withdrawn(200)).thenState({
      status: 'open',
      ownerName: 'Ada',
      balanceCents: 300,
    });
  });

  test('may be withdrawn to the last cent and not beyond', async () => {
    const rich = given(bankAccount, opened, deposited(500));
    await rich.when(withdraw(500)).thenEvents(withdrawn(500));
    await rich.when(withdraw(501)).thenRejected('INSUFFICIENT_FUNDS');
  });

  test('is a positive whole number of cents', async () => {
    for (const amount of [0, -1, 0.5, Number.NaN, 2 ** 53]) {
      await given(bankAccount, opened).when(deposit(amount)).thenRejected('INVALID_AMOUNT');
      await given(bankAccount, opened).when(withdraw(amount)).thenRejected('INVALID_AMOUNT');
    }
  });

  test('is never more than can be counted to the cent', async () => {
    const full = given(bankAccount, opened, deposited(Number.MAX_SAFE_INTEGER));
    await full.when(deposit(1)).thenRejected('BALANCE_LIMIT_EXCEEDED');
  });
});

describe('a transfer', () => {
  test('takes from one account and gives to the other', async () => {
    await given(bankAccount, opened, deposited(500))
      .when(sendTransfer(outgoing))
      .thenState({ status: 'open', ownerName: 'Ada', balanceCents: 200 });
    await given(bankAccount, opened)
      .when(receiveTransfer(incoming))
      .thenState({ status: 'open', ownerName: 'Ada', balanceCents: 300 });
  });

  test('needs the money, and a payee that is open', async () => {
    await given(bankAccount, opened)
      .when(sendTransfer(outgoing))
      .thenRejected('INSUFFICIENT_FUNDS');
    await given(bankAccount, opened, closed)
      .when(receiveTransfer(incoming))
      .thenRejected('ACCOUNT_CLOSED');
    await given(bankAccount).when(receiveTransfer(incoming)).thenRejected('ACCOUNT_NOT_FOUND');
  });
});

describe('closing', () => {
  test('needs an empty account', async () => {
    await given(bankAccount, opened).when(close()).thenEvents(closed);
    await given(bankAccount, opened, deposited(1)).when(close()).thenRejected('BALANCE_NOT_ZERO');
  });

  test('ends everything', async () => {
    const over = given(bankAccount, opened, closed);
    for (const command of [deposit(1), withdraw(1), close(), sendTransfer(outgoing)]) {
      await over.when(command).thenRejected('ACCOUNT_CLOSED');
    }
  });
});

test('nothing works on an account that was never opened', async () => {
  for (const command of [deposit(1), withdraw(1), close(), sendTransfer(outgoing)]) {
    await given(bankAccount).when(command).thenRejected('ACCOUNT_NOT_FOUND');
  }
});
