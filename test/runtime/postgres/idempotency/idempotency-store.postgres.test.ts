import { fileURLToPath } from 'node:url';
import { newId } from 'potter-runtime/foundation';
import type { RememberedResponse } from 'potter-runtime/http';
import {
  createPool,
  PostgresIdempotencyStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { idempotencyStoreContract } from 'potter-runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { deferred } from '../../../support/deferred.ts';
import { type Program, runProgram } from '../../../support/program.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['idempotency'] });
  await database.pool.query('CREATE TABLE effects (no serial PRIMARY KEY, name text NOT NULL)');
});

afterAll(() => database.close());

const answer: RememberedResponse = { status: 200, headers: {}, body: '{}' };
const options = { refusal: () => undefined };
const request = (key: string): { key: string; scope: string; fingerprint: string } => ({
  key,
  scope: '',
  fingerprint: 'f-1',
});

async function effect(transaction: PostgresTransaction, name: string): Promise<void> {
  await transaction.query({ text: 'INSERT INTO effects (name) VALUES ($1)', values: [name] });
}

async function count(name: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM effects WHERE name = $1',
    [name],
  );
  return rows[0]?.count ?? 0;
}

describe('the PostgreSQL store keeps the rules of the port', () => {
  const rules = idempotencyStoreContract<PostgresTransaction>(() => ({
    store: new PostgresIdempotencyStore({ pool: database.pool }),
    other: new PostgresIdempotencyStore({ pool: database.pool }),
    isTransactional: true,
    effect,
    count,
  }));
  // oxlint-disable-next-line vitest/expect-expect -- rules throw AssertionErrors
  test.each(rules)('$name', ({ run }) => run());
});

test('a request gives up when the first with its key, in another process, takes too long', async () => {
  const first = new PostgresIdempotencyStore({ pool: database.pool });
  const second = new PostgresIdempotencyStore({ pool: database.pool, waitTimeout: '100ms' });
  const started = deferred();
  const gate = deferred();
  const key = newId();
  const working = first.once(
    request(key),
    async () => {
      started.resolve();
      await gate.promise;
      return answer;
    },
    options,
  );
  await started.promise;
  await expect(second.once(request(key), async () => answer, options)).rejects.toMatchObject({
    code: 'IDEMPOTENCY_KEY_IN_USE',
  });
  gate.resolve();
  await expect(working).resolves.toEqual({ response: answer, replayed: false });
});

test('a request gives up when the first with its key, in this process, takes too long', async () => {
  const store = new PostgresIdempotencyStore({ pool: database.pool, waitTimeout: '50ms' });
  const gate = deferred();
  const key = newId();
  const work = async (): Promise<RememberedResponse> => {
    await gate.promise;
    return answer;
  };
  const working = store.once(request(key), work, options);
  await expect(store.once(request(key), work, options)).rejects.toMatchObject({
    code: 'IDEMPOTENCY_KEY_IN_USE',
  });
  gate.resolve();
  expect((await working).replayed).toBe(false);
});

test('a key past its time is taken anew, and the sweep forgets such keys only', async () => {
  const brief = new PostgresIdempotencyStore({ pool: database.pool, expiry: 1 });
  const lasting = new PostgresIdempotencyStore({ pool: database.pool });
  await lasting.once(request(newId()), async () => answer, options);
  const key = newId();
  for (let i = 0; i < 2; i += 1) {
    const outcome = await brief.once(request(key), async () => answer, options);
    expect(outcome.replayed).toBe(false);
    await database.pool.query('SELECT pg_sleep(0.005)');
  }
  await brief.once(request(newId()), async () => answer, options);
  await database.pool.query('SELECT pg_sleep(0.005)');
  const before = await keys();
  expect(await lasting.sweep()).toBe(2);
  expect(await lasting.sweep()).toBe(0);
  expect(await keys()).toBe(before - 2);
});

async function keys(): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM potter.idempotency_keys',
  );
  return rows[0]?.count ?? 0;
}

test('handlers that need a second connection do not starve each other of connections', async () => {
  const pool = createPool(database.url, { maxConnections: 10 });
  try {
    const store = new PostgresIdempotencyStore({ pool });
    const work = async (): Promise<RememberedResponse> => {
      await pool.query({ text: 'SELECT pg_sleep(0.01)' });
      return answer;
    };
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => store.once(request(newId()), work, options)),
    );
    expect(outcomes.every(({ replayed }) => !replayed)).toBe(true);
  } finally {
    await pool.close();
  }
});

describe('several processes', () => {
  const script = fileURLToPath(new URL('./effects-under-keys.script.ts', import.meta.url));
  const start = (keys: readonly string[]): Program => runProgram(script, [database.url, ...keys]);

  test('have one effect for each key between them', async () => {
    const shared = Array.from({ length: 50 }, () => newId());
    const workers = [start(shared), start(shared), start(shared.toReversed())];
    const codes = await Promise.all(workers.map(({ ended }) => ended));
    expect(codes).toEqual([0, 0, 0]);
    for (const key of shared) expect(await count(key)).toBe(1);
  });

  test('that are killed at any moment leave an effect with its answer, or neither', async () => {
    const rounds = 6;
    let found = 0;
    let redone = 0;
    for (let round = 0; round < rounds; round += 1) {
      const shared = Array.from({ length: 100 }, () => newId());
      await using program = start(shared);
      // It tells of each key that it begins; the kill comes in the middle of one of them.
      await program.wrote(new RegExp(`(?:begun\\n){${10 + round * 12}}`));
      program.signal('SIGKILL');
      await program.ended;
      const store = new PostgresIdempotencyStore({ pool: database.pool });
      // Afterwards every key is asked for again, as its sender would: what was done is told, the rest is done now.
      for (const key of shared) {
        const outcome = await store.once(
          request(key),
          async (transaction) => {
            await effect(transaction, key);
            return answer;
          },
          options,
        );
        if (outcome.replayed) found += 1;
        else redone += 1;
        expect(await count(key)).toBe(1);
      }
    }
    expect([found > 0, redone > 0, found + redone]).toEqual([true, true, rounds * 100]);
  });
});
