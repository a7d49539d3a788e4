import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { streamId } from 'potter-runtime/events';
import { silentLogger } from 'potter-runtime/foundation';
import {
  inTransaction,
  type PostgresConnection,
  PostgresEventStore,
} from 'potter-runtime/postgres';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { deferred } from '../../../support/deferred.ts';
import { runProgram } from '../../../support/program.ts';
import { quickest } from '../../../support/quickest.ts';

const PROGRAM = join(import.meta.dirname, 'dawdling-appender.script.ts');
const EVENT = { type: 'Counted', data: { n: 1 } };

let database: TestDatabase;
let store: PostgresEventStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store'] });
  store = new PostgresEventStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

/** An append in a transaction that is open, and the end it comes to. */
interface OpenAppend {
  lose(): Promise<void>;
  release(): Promise<void>;
}

/** In this process: its connection, and which backend serves it. */
async function appendHere(
  lose: (connection: PostgresConnection, pid: number) => Promise<unknown>,
): Promise<OpenAppend> {
  const connection: PostgresConnection = await database.pool.connect();
  connection.on('error', () => {});
  await connection.query({ text: 'begin' });
  const { rows } = await connection.query<{ pid: number }>({
    text: 'select pg_backend_pid() as pid',
  });
  await store.appendToStream(streamId('lost', 'inside'), [EVENT], { transaction: connection });
  return {
    lose: async () => {
      await lose(connection, rows[0]?.pid ?? 0);
    },
    release: async () => connection.release(true),
  };
}

async function appendInAProcess(): Promise<OpenAppend> {
  const program = runProgram(PROGRAM, [database.url]);
  await program.wrote(/appended/);
  return {
    lose: async () => {
      program.signal('SIGKILL');
      expect(await program.ended).toBe('SIGKILL');
    },
    release: async () => program[Symbol.asyncDispose](),
  };
}

/** What comes first after a position. */
async function next(after: bigint, from = store): Promise<string | undefined> {
  for await (const { events } of from.subscribe({ after })) {
    if (events[0] !== undefined) return events[0].streamId;
  }
  return undefined;
}

async function lastPosition(): Promise<bigint> {
  const { lastPosition: last } = await store.append({
    writes: [{ stream: streamId('mark', '1'), expected: 'any', events: [EVENT] }],
  });
  return last;
}

describe('a subscription goes on within a second when an appender', () => {
  test.each<readonly [how: string, begin: () => Promise<OpenAppend>]>([
    ['rolls back', () => appendHere((connection) => connection.query({ text: 'rollback' }))],
    [
      'has its backend terminated',
      () => appendHere((_, pid) => database.pool.query('select pg_terminate_backend($1)', [pid])),
    ],
    ['is a process that is killed by SIGKILL', appendInAProcess],
  ])('%s', { timeout: 60_000 }, async (_, begin) => {
    const tookMs = await quickest(1_000, async () => {
      const following = next(await lastPosition());
      const open = await begin();
      // Behind the gap that the open one leaves.
      await store.appendToStream(streamId('lost', 'outside'), [EVENT]);
      expect((await store.blockedBy()).length).toBe(1);
      const lostAt = performance.now();
      await open.lose();
      expect(await following).toBe('lost:outside');
      const took = performance.now() - lostAt;
      await open.release();
      return took;
    });
    expect(tookMs).toBeLessThan(1_000);
  });
});

test('who begins to append while a subscription waits at a gap is not waited for', async () => {
  const atTheGap = deferred();
  const watched = new PostgresEventStore({
    pool: database.pool,
    logger: { ...silentLogger, warn: () => atTheGap.resolve() },
    reportBlockedAfter: 1,
  });
  const following = next(await lastPosition(), watched);
  const lost = await appendHere((connection) => connection.query({ text: 'rollback' }));
  await store.appendToStream(streamId('lost', 'outside'), [EVENT]);
  await atTheGap.promise;
  await inTransaction(database.pool, async (transaction) => {
    await store.appendToStream(streamId('lost', 'later'), [EVENT], { transaction });
    await lost.lose();
    expect(await following).toBe('lost:outside');
  });
  await lost.release();
  await watched.close();
});
