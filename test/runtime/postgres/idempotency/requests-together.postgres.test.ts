import { fileURLToPath } from 'node:url';
import { repository } from 'potter-runtime/aggregates';
import { isRejection } from 'potter-runtime/errors';
import { streamId } from 'potter-runtime/events';
import { newId } from 'potter-runtime/foundation';
import type { OnceOptions, RememberedResponse } from 'potter-runtime/http';
import {
  inTransaction,
  PostgresEventStore,
  PostgresIdempotencyStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CuttingPool } from '../../../support/cutting-pool.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { type Deferred, deferred } from '../../../support/deferred.ts';
import { runProgram } from '../../../support/program.ts';
import {
  type Account,
  type AccountEvent,
  bankAccount,
  deposit,
  open,
  withdraw,
} from '../../aggregates/bank-account.ts';

let database: TestDatabase;
let eventStore: PostgresEventStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store', 'idempotency'] });
  eventStore = new PostgresEventStore({ pool: database.pool });
  await database.pool.query('CREATE TABLE effects (no serial PRIMARY KEY, name text NOT NULL)');
});

afterAll(async () => {
  await eventStore.close();
  await database.close();
});

type Command = (account: Account) => AccountEvent;
type Work = (transaction: PostgresTransaction) => Promise<RememberedResponse>;

/** As the chassis does it, for requests about one account. */
const about = (account: string): OnceOptions => ({
  refusal: (error) =>
    isRejection(error) ? { status: 422, headers: {}, body: error.code } : undefined,
  subject: { route: 'POST /accounts/:id', resource: `/accounts/${account}` },
});

const identity = (
  key: string,
  fingerprint = 'f',
): { readonly key: string; readonly scope: string; readonly fingerprint: string } => ({
  key,
  scope: '',
  fingerprint,
});

const accounts = () =>
  repository<Account, AccountEvent, Command, PostgresTransaction>(bankAccount, { eventStore });

/** A bank whose route is known to do nothing but handle a command; as its first request has shown. */
async function bank(options: { readonly store?: PostgresIdempotencyStore } = {}) {
  const { store = new PostgresIdempotencyStore({ pool: database.pool }) } = options;
  const id = newId();
  const repo = accounts();
  const doing =
    (command: Command, expected?: bigint): Work =>
    async (transaction) => {
      const { state, version } = await repo.handle(id, command, { transaction, expected });
      return { status: 200, headers: {}, body: `${version} ${state.balanceCents}` };
    };
  const ask = async (work: Work, key = newId(), fingerprint = 'f'): Promise<string> => {
    const { response, replayed } = await store.once(identity(key, fingerprint), work, about(id));
    return `${response.body}${replayed ? ' again' : ''}`;
  };
  await ask(doing(open('Ada')));
  return {
    id,
    repo,
    doing,
    ask,
    balance: async (): Promise<number> => (await repo.load(id)).state.balanceCents,
    /** Holds the line, so that what is asked for meanwhile goes together. */
    hold: async (): Promise<Deferred> => {
      const gate = deferred();
      const begun = deferred();
      const held = ask(async (transaction) => {
        begun.resolve();
        await gate.promise;
        return doing(deposit(0))(transaction);
      });
      // Where its stream is held for too long it is refused, too.
      held.catch(() => {});
      await begun.promise;
      return gate;
    },
  };
}

/** How many transactions wrote a stream. */
async function transactionsOf(id: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    'SELECT count(DISTINCT xmin::text)::int AS count FROM potter.events WHERE stream_id = $1',
    [streamId('bank-account', id)],
  );
  return rows[0]?.count ?? 0;
}

async function isKnown(key: string): Promise<boolean> {
  const { rowCount } = await database.pool.query(
    'SELECT 1 FROM potter.idempotency_keys WHERE key = $1',
    [key],
  );
  return rowCount === 1;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

describe('requests with keys about one stream that wait at the same time', () => {
  test('are exact, have an answer each, and few transactions between them', async () => {
    const { id, ask, doing, balance } = await bank();
    const keys = numbers(300).map(() => newId());
    const answers = await Promise.all(keys.map((key) => ask(doing(deposit(1)), key)));
    expect(answers.toSorted()).toEqual(
      numbers(300)
        .map((n) => `${n + 1} ${n}`)
        .toSorted(),
    );
    expect(await balance()).toBe(300);
    expect(await transactionsOf(id)).toBeLessThan(20);
    const again = await Promise.all(keys.map((key) => ask(doing(deposit(1)), key)));
    expect(again).toEqual(answers.map((answer) => `${answer} again`));
    expect(await balance()).toBe(300);
  });

  test('are exact between processes too', async () => {
    const one = await bank();
    const store = new PostgresIdempotencyStore({ pool: database.pool });
    const elsewhere = accounts();
    const there: Work = async (transaction) => {
      const { version } = await elsewhere.handle(one.id, deposit(1), { transaction });
      return { status: 200, headers: {}, body: String(version) };
    };
    const answers = await Promise.all(
      numbers(200).map(async (n) =>
        n % 2 === 0
          ? one.ask(one.doing(deposit(1)))
          : (await store.once(identity(newId()), there, about(one.id))).response.body,
      ),
    );
    const versions = answers.map((answer) => Number(answer?.split(' ')[0]));
    expect(versions.toSorted((a, b) => a - b)).toEqual(numbers(200).map((n) => n + 1));
    expect(await one.balance()).toBe(200);
  });

  test('each are refused by themselves, on what the others before them did, and that is remembered', async () => {
    const { ask, doing, hold, balance } = await bank();
    const gate = await hold();
    const refused = newId();
    const asked = [
      ask(doing(deposit(10))),
      ask(doing(withdraw(7))),
      ask(doing(withdraw(7)), refused),
      ask(doing(deposit(5))),
    ];
    gate.resolve();
    expect(await Promise.all(asked)).toEqual(['3 10', '4 3', 'INSUFFICIENT_FUNDS', '5 8']);
    expect(await ask(doing(withdraw(7)), refused)).toBe('INSUFFICIENT_FUNDS again');
    expect(await balance()).toBe(8);
  });

  test('that expect a version they do not find get the conflict, and their key is free again', async () => {
    const { ask, doing, hold, balance } = await bank();
    const gate = await hold();
    const stale = newId();
    const first = ask(doing(deposit(1)));
    const second = ask(doing(deposit(1), 2n), stale);
    const third = ask(doing(deposit(1), 3n));
    gate.resolve();
    await expect(second).rejects.toMatchObject({ code: 'CONCURRENCY_CONFLICT' });
    expect([await first, await third]).toEqual(['3 1', '4 2']);
    expect(await isKnown(stale)).toBe(false);
    expect(await balance()).toBe(2);
  });

  test('are refused a key that came with another request, and nobody else is', async () => {
    const { ask, doing, hold, balance } = await bank();
    const used = newId();
    await ask(doing(deposit(1)), used);
    const gate = await hold();
    const asked = [
      ask(doing(deposit(1))),
      ask(doing(deposit(5)), used, 'another'),
      ask(doing(deposit(1)), used),
    ];
    gate.resolve();
    const [first, second, third] = await Promise.allSettled(asked);
    expect(first).toMatchObject({ status: 'fulfilled' });
    expect(second).toMatchObject({ reason: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(third).toMatchObject({ value: '2 1 again' });
    expect(await balance()).toBe(2);
  });

  test('that come twice while the first is under way, in two processes, have one effect and one answer', async () => {
    const { id, ask, doing, hold, balance } = await bank();
    const store = new PostgresIdempotencyStore({ pool: database.pool });
    const gate = await hold();
    const keys = numbers(20).map(() => newId());
    const first = keys.map((key) => ask(doing(deposit(1)), key));
    const repeated = keys.map((key) => ask(doing(deposit(1)), key));
    const elsewhere = keys.map((key) => store.once(identity(key), doing(deposit(1)), about(id)));
    gate.resolve();
    const answers = (await Promise.all(first)).map((answer) => answer.replace(' again', ''));
    const plain = (await Promise.all(repeated)).map((answer) => answer.replace(' again', ''));
    expect(plain).toEqual(answers);
    expect((await Promise.all(elsewhere)).map(({ response }) => response.body)).toEqual(answers);
    expect(await balance()).toBe(20);
  });
});

describe('a request that cannot be told from its neighbours', () => {
  test('because it fails after its command is undone alone; the others are done', async () => {
    const { ask, doing, hold, balance } = await bank();
    const gate = await hold();
    const failing = newId();
    const asked = numbers(10).map((n) =>
      n === 4
        ? ask(async (transaction) => {
            await doing(deposit(1_000))(transaction);
            throw new Error('outage');
          }, failing)
        : ask(doing(deposit(1))),
    );
    gate.resolve();
    const settled = await Promise.allSettled(asked);
    expect(settled.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { message: 'outage' } },
    ]);
    expect(await isKnown(failing)).toBe(false);
    expect(await balance()).toBe(9);
  });

  test('because it sends statements of its own is done in a transaction of its own', async () => {
    const { ask, doing, hold, balance } = await bank();
    const gate = await hold();
    const mark = newId();
    const asked = numbers(10).map((n) =>
      ask(async (transaction) => {
        const answer = await doing(deposit(1))(transaction);
        if (n !== 4) return answer;
        const text = `SELECT set_config('potter_test.tenant', $1, true)`;
        await transaction.query({ text, values: [mark] });
        await transaction.query({ text: 'INSERT INTO effects (name) VALUES ($1)', values: [mark] });
        return answer;
      }),
    );
    gate.resolve();
    const answers = await Promise.all(asked);
    expect(new Set(answers).size).toBe(10);
    expect(await balance()).toBe(10);
    const { rows } = await database.pool.query('SELECT no FROM effects WHERE name = $1', [mark]);
    expect(rows).toHaveLength(1);
    // What one request of the route did, the next may do: none of them share any more.
    expect(await Promise.all(numbers(10).map(() => ask(doing(deposit(1)))))).toHaveLength(10);
    expect(await balance()).toBe(20);
  });

  test('because it is about another stream after all is done by itself', async () => {
    const { repo, ask, doing, hold, balance } = await bank();
    const other = newId();
    const gate = await hold();
    const first = ask(doing(deposit(1)));
    const second = ask(async (transaction) => {
      const { version } = await repo.handle(other, open('Bob'), { transaction });
      return { status: 200, headers: {}, body: `other ${version}` };
    });
    gate.resolve();
    expect([await first, await second]).toEqual(['3 1', 'other 1']);
    expect(await balance()).toBe(1);
  });

  test('because its handler does not end keeps the others for no longer than their patience', async () => {
    const store = new PostgresIdempotencyStore({ pool: database.pool, waitTimeout: '1500ms' });
    const { ask, doing, hold, balance } = await bank({ store });
    const gate = await hold();
    const stuck = deferred();
    const first = ask(doing(deposit(1)));
    const second = ask(async (transaction) => {
      await stuck.promise;
      return doing(deposit(100))(transaction);
    });
    const third = ask(doing(deposit(1)));
    gate.resolve();
    expect(await Promise.all([first, third])).toHaveLength(2);
    expect(await balance()).toBe(2);
    // What it does when it goes on, late, it does once, in a transaction of its own.
    stuck.resolve();
    expect(await second).toBe('5 102');
    expect(await balance()).toBe(102);
  });
});

describe('a stream that somebody else holds', () => {
  test('keeps requests about another one from nothing', async () => {
    const store = new PostgresIdempotencyStore({ pool: database.pool });
    const busy = await bank({ store });
    const calm = await bank({ store });
    const waiting: Promise<string>[] = [];
    await inTransaction(database.pool, async (transaction) => {
      await busy.repo.handle(busy.id, deposit(1), { transaction });
      waiting.push(...numbers(300).map(() => busy.ask(busy.doing(deposit(1)))));
      // They are answered while the other stream is locked: it is given free after them.
      for (const n of numbers(20))
        expect(await calm.ask(calm.doing(deposit(1)))).toBe(`${n + 1} ${n}`);
    });
    await Promise.all(waiting);
    expect(await busy.balance()).toBe(301);
  });

  test('for too long fails all who wait for it, at once, and nothing of them is done', async () => {
    const store = new PostgresIdempotencyStore({ pool: database.pool, waitTimeout: '100ms' });
    const { id, repo, ask, doing, hold, balance } = await bank({ store });
    const gate = await hold();
    const keys = numbers(30).map(() => newId());
    const asked = keys.map((key) => ask(doing(deposit(1)), key));
    await inTransaction(database.pool, async (transaction) => {
      await repo.handle(id, deposit(1), { transaction });
      gate.resolve();
      const settled = await Promise.allSettled(asked);
      expect(new Set(settled.map(({ status }) => status))).toEqual(new Set(['rejected']));
    });
    // Patient now: on a busy machine they may have to wait for each other.
    const patient = new PostgresIdempotencyStore({ pool: database.pool });
    const answers = await Promise.all(
      keys.map((key) => patient.once(identity(key), doing(deposit(1)), about(id))),
    );
    expect(new Set(answers.map(({ response }) => response.body)).size).toBe(30);
    expect(await balance()).toBe(31);
  });
});

describe('when the connection is lost at any statement', () => {
  test('a repetition of each request finds its one effect and its one answer', async () => {
    await using pool = new CuttingPool(database.url);
    let cuts = 0;
    for (let point = 1; point === 1 || cuts === point - 1; point += 1) {
      pool.cutNext(0);
      const store = new PostgresIdempotencyStore({ pool });
      const { ask, doing, hold, balance } = await bank({ store });
      const gate = await hold();
      const keys = numbers(8).map(() => newId());
      const asked = Promise.allSettled(keys.map((key) => ask(doing(deposit(1)), key)));
      // The request that holds the line is done first; the cut is for what comes after it.
      pool.cutNext(point);
      gate.resolve();
      const settled = await asked;
      if (pool.cut !== undefined) cuts += 1;
      pool.cutNext(0);
      const answers = await Promise.all(keys.map((key) => ask(doing(deposit(1)), key)));
      const told = settled.map((outcome, n) =>
        outcome.status === 'fulfilled' ? `${outcome.value} again` : answers[n],
      );
      expect(answers).toEqual(told);
      expect(new Set(answers.map((answer) => answer.split(' ')[0])).size).toBe(8);
      expect(await balance()).toBe(8);
    }
    // BEGIN, keys, lock, read, two appends, answers, COMMIT, before and after each; and the one that held the line.
    expect(cuts).toBeGreaterThanOrEqual(16);
  });
});

describe('processes', () => {
  const script = fileURLToPath(new URL('./deposit-under-keys.script.ts', import.meta.url));

  test('that are killed at any moment leave every deposit with its answer, or neither', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { id, ask, doing, balance } = await bank();
      const keys = numbers(300).map(() => newId());
      const answered = 1 + round * 70;
      await using program = runProgram(script, [database.url, id, ...keys]);
      await program.wrote(new RegExp(`(?:answered\\n){${answered}}`));
      program.signal('SIGKILL');
      await program.ended;
      const found = await balance();
      expect(found).toBeGreaterThanOrEqual(answered);
      const answers = await Promise.all(keys.map((key) => ask(doing(deposit(1)), key)));
      expect(answers.filter((answer) => answer.endsWith('again'))).toHaveLength(found);
      expect(await balance()).toBe(300);
    }
  });
});
