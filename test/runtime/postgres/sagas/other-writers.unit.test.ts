import { expect, test } from 'vitest';
import { OtherWriters } from '../../../../runtime/src/postgres/sagas/store/other-writers.ts';

/** Writes so many times, each time after as many transactions of others. */
function wrote(others: OtherWriters, times: number, foreign: number, from = 100): number {
  let transaction = from;
  for (let n = 0; n < times; n += 1) {
    transaction += 1 + foreign;
    others.wrote(transaction);
  }
  return transaction;
}

test('a process that nearly all transactions are of writes alone, whoever waits beside it', () => {
  const others = new OtherWriters();
  expect(others.areWriting).toBe(false);
  wrote(others, 50, 0);
  expect(others.areWriting).toBe(false);
});

test('others write when many transactions are not of this process, until they are', () => {
  const others = new OtherWriters();
  const last = wrote(others, 50, 3);
  expect(others.areWriting).toBe(true);
  wrote(others, 50, 0, last);
  expect(others.areWriting).toBe(false);
});

test('one look at the numbers is of several writes, in whatever order they are answered', () => {
  const others = new OtherWriters();
  for (const transaction of [101, 140, 102, 141, 103, 142]) others.wrote(transaction);
  expect(others.areWriting).toBe(false);
});

test('a write alone, of which no number is known, counts as this process’s own', () => {
  const others = new OtherWriters();
  others.wrote(100);
  for (let transaction = 102; transaction < 200; transaction += 2) {
    others.wrote(undefined);
    others.wrote(transaction);
  }
  expect(others.areWriting).toBe(false);
});
