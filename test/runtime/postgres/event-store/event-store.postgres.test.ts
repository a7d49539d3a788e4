import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  inTransaction,
  PostgresEventStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { eventStoreContract, type EventStoreSubject } from 'potter-runtime/testing';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

let database: TestDatabase;
let grouped: PostgresEventStore;
let alone: PostgresEventStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store'] });
  grouped = new PostgresEventStore({ pool: database.pool });
  alone = new PostgresEventStore({ pool: database.pool, groupCommit: false });
});

afterAll(async () => {
  await grouped.close();
  await alone.close();
  await database.close();
});

const subjectOf = (store: PostgresEventStore): EventStoreSubject<PostgresTransaction> => ({
  store,
  inTransaction: (work) => inTransaction(database.pool, work),
});

describe('the event store on PostgreSQL', () => {
  test.each(eventStoreContract(() => subjectOf(grouped), { transactions: true }))(
    '$name',
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
  );
});

describe('the event store on PostgreSQL without group commit', () => {
  test.each(eventStoreContract(() => subjectOf(alone), { transactions: true }))(
    '$name',
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
  );
});
