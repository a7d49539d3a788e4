import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { createMigrator } from 'potter-runtime/migrations';
import { PostgresSagaFeed } from 'potter-runtime/postgres';
import { beforeAll, expect, inject, test } from 'vitest';
import { compiled } from '../support/compiled-programs.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { isFullRun } from '../support/full-run.ts';

/** The service as a user gets it; what is killed here is its process. */
const PROJECT = resolve(import.meta.dirname, '../../generated-examples/saga-order');
const PRELOAD = resolve(import.meta.dirname, '../support/kill-at-write.script.ts');
/** Databases that are worked on at once. */
const LANES = 2;
/** Points between two that are tried; all of them for those who ask for it. */
const STRIDE = isFullRun ? 1 : 7;

const STORIES = [
  ['forwards', {}, 'completed'],
  // Nobody ships there: stock and money are given back.
  ['undoing', { shippingCountry: 'AQ' }, 'compensated'],
] as const;

const UNDONE_BY = {
  'reserve-inventory': 'release-inventory',
  'process-payment': 'refund-payment',
  'create-shipment': 'cancel-shipment',
};

interface Service extends AsyncDisposable {
  readonly url: string;
  /** Counts points from now on, and dies at one; 0: at none. */
  killAt(point: number): Promise<void>;
  passed(): Promise<number>;
  readonly ended: Promise<unknown>;
}

let program: string;

beforeAll(async () => {
  program = join(inject('compiledRoot'), 'saga-order.mjs');
  await build({
    entryPoints: [join(PROJECT, 'src/main.ts')],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
    plugins: [
      {
        name: 'runtime-of-this-run',
        setup: (compiler) =>
          compiler.onResolve({ filter: /^potter-runtime\// }, ({ path }) => ({
            path: `./runtime/src/${path.slice('potter-runtime/'.length)}/index.js`,
            external: true,
          })),
      },
    ],
  });
});

async function startService({ url }: TestDatabase): Promise<Service> {
  const child = spawn(process.execPath, ['--import', compiled(PRELOAD), program], {
    cwd: PROJECT,
    env: { ...process.env, NODE_ENV: 'test', PORT: '0', DATABASE_URL: url, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const ended = once(child, 'exit');
  const ask = async (message: object | 'count'): Promise<unknown> => {
    const answer = once(child, 'message');
    child.send(message);
    return (await answer)[0];
  };
  return {
    url: await listening(child),
    killAt: async (point) => void (await ask({ killAt: point })),
    passed: async () => Number(await ask('count')),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolveUrl, reject) => {
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        const url = /listening on (http:\/\/[^\s"]+)/.exec(output)?.[1];
        if (url !== undefined) resolveUrl(url);
      });
    }
    child.once('close', (code) => reject(new Error(`ended with ${code}:\n${output}`)));
  });
}

/** An order that was asked for, until it is accepted: whoever gets no answer asks again, with the same key. */
interface Order {
  readonly key: string;
  readonly changes: object;
}

async function place({ url }: Service, { key, changes }: Order): Promise<number> {
  const items = [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }];
  const response = await fetch(new URL('/api/v1/orders', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ customerId: 'customer-1', items, ...changes }),
  });
  return response.status;
}

async function unfinished({ pool }: TestDatabase): Promise<number> {
  const text = `SELECT count(*)::int AS n FROM potter.sagas WHERE status NOT IN ('completed', 'compensated')`;
  return (await pool.query<{ n: number }>(text)).rows[0]?.n ?? 0;
}

/** Until no more sagas than so many are under way: looked at with every commit. @returns false when it was told to give up before. */
async function untilOver(
  database: TestDatabase,
  left = 0,
  giveUp = new AbortController().signal,
): Promise<boolean> {
  const feed = new PostgresSagaFeed({ pool: database.pool });
  const after = await feed.head();
  for await (const { caughtUp } of feed.subscribe({ after, signal: giveUp })) {
    if (caughtUp && (await unfinished(database)) <= left) return true;
  }
  return (await unfinished(database)) <= left;
}

/** What dead processes held is nobody's, until the end: then a last one finishes it. */
async function endLeases({ pool }: TestDatabase, at: 'infinity' | '-infinity'): Promise<void> {
  await pool.query(`UPDATE potter.saga_workers SET expires_at = '${at}'`);
}

/** Everything that is wrong with the sagas of a database; one saga for each order, each all done or all undone, each effect once. */
async function violations({ pool }: TestDatabase, orders: number): Promise<readonly string[]> {
  const { rows } = await pool.query<{ saga_id: string; status: string; effects: string[] | null }>(
    `SELECT s.saga_id, s.status, array_agg(e.operation) FILTER (WHERE e.operation IS NOT NULL) AS effects
     FROM potter.sagas s LEFT JOIN effects e ON e.saga_id = s.saga_id GROUP BY 1, 2`,
  );
  const flaws = rows.flatMap(({ saga_id: id, status, effects }) => {
    const all = effects ?? [];
    const twice = all.filter((effect, at) => all.indexOf(effect) !== at);
    const half = Object.entries(UNDONE_BY).filter(([done, undone]) =>
      status === 'completed'
        ? !all.includes(done) || all.includes(undone)
        : all.includes(done) !== all.includes(undone),
    );
    return [...twice, ...half.map(([done]) => done)].map((name) => `${id}, ${status}: ${name}`);
  });
  return rows.length === orders ? flaws : [...flaws, `${rows.length} sagas of ${orders} orders`];
}

async function orderDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await createMigrator({
    databaseUrl: database.url,
    components: ['event-store', 'sagas', 'idempotency', 'fences'],
    directory: join(PROJECT, 'migrations'),
  }).up();
  return database;
}

test.each(STORIES)(
  'the process of saga-order is killed with SIGKILL around every durable write, %s: nothing lost, nothing twice',
  { timeout: 900_000 },
  async (story, changes, ends) => {
    await using counted = await orderDatabase();
    let points = 0;
    {
      await using service = await startService(counted);
      await service.killAt(0);
      expect(await place(service, { key: randomUUID(), changes })).toBe(202);
      await untilOver(counted);
      points = await service.passed();
    }
    const { rows } = await counted.pool.query('SELECT status FROM potter.sagas');
    expect(rows).toEqual([{ status: ends }]);
    // Three points a write, and at least one write for the order, one for each step, and one for each that is undone.
    expect(points).toBeGreaterThanOrEqual(3 * 4);

    const queue = Array.from({ length: points }, (_, at) => at + 1).filter(
      (at) => at % STRIDE === 1 % STRIDE,
    );
    const tried = queue.length;
    let killed = 0;
    const wrong: string[] = [];
    const lane = async (): Promise<void> => {
      await using database = await orderDatabase();
      const orders: Order[] = [];
      for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
        const left = await unfinished(database);
        await using service = await startService(database);
        const died = new AbortController();
        const ended = service.ended.then(() => died.abort());
        await service.killAt(at);
        const order = { key: randomUUID(), changes };
        orders.push(order);
        // Without an answer it dies before there is a saga to wait for.
        const answered = await place(service, order).catch(() => undefined);
        if (answered === undefined) await ended;
        const over = await untilOver(database, left, died.signal);
        if (answered === undefined || !over) killed += 1;
        await service[Symbol.asyncDispose]();
        await endLeases(database, 'infinity');
      }
      await endLeases(database, '-infinity');
      await using last = await startService(database);
      for (const order of orders) expect(await place(last, order)).toBe(202);
      await untilOver(database);
      wrong.push(...(await violations(database, orders.length)));
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    console.log(
      `saga-order, ${story}: ${points} points, ${tried} tried, killed at ${killed}, ${wrong.length} violations`,
    );
    expect(wrong).toEqual([]);
    // How often a process looks for work is not the same each time: the last points may not be reached.
    expect(killed).toBeGreaterThanOrEqual(Math.floor(tried * 0.5));
  },
);
