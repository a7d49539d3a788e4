import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  PostgresProjectionStore,
  PostgresSagaFeed,
  PostgresSagaStore,
} from 'potter-runtime/postgres';
import { createProjectionRunner, project, type ProjectionRunner } from 'potter-runtime/projections';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { questionsTooMany } from '../../../support/idle.ts';
import { insist } from '../../../support/insist.ts';
import { bareStatements, quickest, timed } from '../../../support/quickest.ts';
import { type Program, runProgram } from '../../../support/program.ts';
import {
  COMMIT_COUNTS,
  COUNTED_WRONG,
  countingCommits,
} from '../../projections/counting-commits.ts';
import { firstCommit, newSaga, registered } from '../sagas/saga-fixtures.ts';

const PROGRAM = resolve(import.meta.dirname, '../../projections/count-commits.script.ts');

let database: TestDatabase;
let store: PostgresSagaStore;
let opened: AsyncDisposable[];
/** What goes on beside a test, until it ends. */
let beside: { stop: AbortController; done: Promise<void>[] };

beforeEach(async () => {
  database = await createTestDatabase({ components: ['sagas', 'projections'] });
  await database.pool.query(COMMIT_COUNTS);
  store = new PostgresSagaStore({ pool: database.pool });
  opened = [];
  beside = { stop: new AbortController(), done: [] };
});

afterEach(async () => {
  await stopBeside();
  await Promise.all(opened.map((one) => one[Symbol.asyncDispose]()));
  await store.close();
  // The server takes a moment to notice that a killed process is gone.
  await vi.waitFor(async () => {
    const { rows } = await database.pool.query(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'counting'`,
    );
    if (rows.length > 0) throw new Error('a killed process still has a connection');
  }, 30_000);
  await database.close();
});

/** Repeats something until {@link stopBeside}. */
function goOn(work: () => Promise<void>): void {
  const { stop, done } = beside;
  done.push(
    (async () => {
      while (!stop.signal.aborted) await work();
    })(),
  );
}

async function stopBeside(): Promise<void> {
  beside.stop.abort();
  await Promise.all(beside.done);
}

/** A runner in this process; a batch of its own is `batchSize` commits. */
async function runHere(
  options: { readonly lease?: number; readonly batchSize?: number } = {},
): Promise<ProjectionRunner> {
  const runner = createProjectionRunner({
    store: new PostgresProjectionStore({ pool: database.pool }),
    projections: [
      project(
        new PostgresSagaFeed({ pool: database.pool }),
        countingCommits({ batchSize: options.batchSize ?? 200 }),
      ),
    ],
    lease: options.lease ?? 400,
  });
  opened.push(runner);
  await runner.run();
  return runner;
}

/** Until it has handled all that there is, however busy the machine is. */
const caughtUp = (runner: ProjectionRunner): Promise<bigint> =>
  runner.waitFor('commit-counts', 'caughtUp', { timeout: '1m' });

function start(env: Record<string, string> = {}): Program {
  const program = runProgram(PROGRAM, [], { env: { DATABASE_URL: database.url, ...env } });
  opened.push(program);
  return program;
}

/** Two commits a saga. */
async function runSagas(count: number): Promise<void> {
  const lease = { workerId: await registered(store), token: 1n };
  await Promise.all(
    Array.from({ length: count }, async () => {
      const saga = newSaga();
      await store.create(saga, { lease });
      await store.commit(firstCommit(saga.sagaId, lease));
    }),
  );
}

/** Sagas whose count is not what the journal says. */
async function wrongCounts(): Promise<readonly unknown[]> {
  return (await database.pool.query(COUNTED_WRONG)).rows;
}

test('counters are exact after kill -9 at random points, inside of batches and between them', async () => {
  const kills = isFullRun ? 100 : 12;
  goOn(async () => {
    await runSagas(10);
    await delay(20);
  });
  for (let n = 0; n < kills; n += 1) {
    const inside = n % 2 === 0 ? { KILL_AT: String(1 + Math.floor(Math.random() * 6)) } : {};
    const program = start({ LEASE_MS: '150', BATCH: '7', ...inside });
    await Promise.race([program.wrote(/ready/), program.ended]);
    if (n % 2 === 1) {
      await delay(Math.random() * 250);
      program.signal('SIGKILL');
    }
    expect(await program.ended).toBe('SIGKILL');
  }
  await stopBeside();
  const runner = await runHere();
  const position = await caughtUp(runner);
  expect(position).toBeGreaterThan(0n);
  expect(await wrongCounts()).toEqual([]);
}, 600_000);

test('another process goes on less than 5 s after the one that had the lease was killed', async () => {
  const tookMs = await quickest(5_000, async () => {
    const program = start({ LEASE_MS: '4000' });
    await runSagas(3);
    await program.wrote(/live batch/);
    const runner = await runHere({ lease: 4_000 });
    await runSagas(2);
    await caughtUp(runner);
    program.signal('SIGKILL');
    await program.ended;
    const took = await timed(async () => {
      await runSagas(5);
      await caughtUp(runner);
    });
    await runner.stop();
    return took;
  });
  console.log(`failover after kill -9, default lease of 4 s: ${Math.round(tookMs)} ms`);
  expect(tookMs).toBeLessThan(5_000);
  expect(await wrongCounts()).toEqual([]);
});

test('a process that is frozen past its lease and resumed writes nothing more of its own', async () => {
  const program = start({ LEASE_MS: '400', PAUSE_MS: '20' });
  await runSagas(40);
  await program.wrote(/live batch/);
  program.signal('SIGSTOP');
  await runSagas(10);
  const runner = await runHere();
  // Frozen inside of a batch it keeps its locks until the server ends its session.
  await caughtUp(runner);
  expect(await wrongCounts()).toEqual([]);
  program.signal('SIGCONT');
  await runSagas(10);
  // Before it ends it has gone on with what it was in the middle of.
  program.signal('SIGTERM');
  await program.ended;
  await caughtUp(runner);
  expect(await wrongCounts()).toEqual([]);
});

test('a rebuild that is killed again and again ends, and queries see the old rows or the new ones, never a part', async () => {
  const runner = await runHere();
  await runSagas(600);
  await caughtUp(runner);
  await runner.stop();
  const dump = (): Promise<string> =>
    database.pool
      .query<{ dump: string }>(
        `SELECT md5(string_agg(c::text, E'\\n' ORDER BY saga_id)) || (SELECT md5(t::text) FROM commit_total t) AS dump FROM commit_counts c`,
      )
      .then(({ rows }) => rows[0]?.dump ?? '');
  const before = await dump();
  let reads = 0;
  const wrong: string[] = [];
  goOn(async () => {
    const seen = await dump();
    reads += 1;
    if (seen !== before) wrong.push(seen);
  });
  const store2 = new PostgresProjectionStore({ pool: database.pool });
  const { generation } = await store2.startRebuild({
    ...countingCommits(),
    tables: countingCommits().tables ?? [],
  });
  let built = 0n;
  for (let n = 0; n < 4; n += 1) {
    const program = start({ LEASE_MS: '150', BATCH: '25', KILL_AT: '9' });
    expect(await program.ended).toBe('SIGKILL');
    const building = (await store2.generations('commit-counts')).find((g) => g.role === 'building');
    expect(building?.position).toBeGreaterThan(built);
    built = building?.position ?? 0n;
  }
  const last = start({ LEASE_MS: '150', BATCH: '25' });
  await expect
    .poll(async () => (await store2.generations('commit-counts')).map((g) => g.generation), {
      timeout: 60_000,
    })
    .toEqual([generation]);
  await stopBeside();
  expect(reads).toBeGreaterThan(5);
  expect(wrong).toEqual([]);
  expect(await dump()).toBe(before);
  last.signal('SIGTERM');
  await last.ended;
  const { rows } = await database.pool.query(
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'commit\\_%' ORDER BY 1`,
  );
  expect(rows).toEqual([{ relname: 'commit_counts' }, { relname: 'commit_total' }]);
}, 120_000);

test('a rebuild under constant writing ends, and the counts stay exact', async () => {
  const runner = await runHere({ batchSize: 25 });
  goOn(() => runSagas(5));
  for (let n = 0; n < 3; n += 1) {
    const { generation } = await runner.rebuild('commit-counts');
    await expect
      .poll(async () => (await runner.progress())[0]?.live?.generation, { timeout: 60_000 })
      .toBe(generation);
  }
  await stopBeside();
  await caughtUp(runner);
  expect(await wrongCounts()).toEqual([]);
}, 240_000);

test('somebody who reads for long delays the change of tables, not other readers', async () => {
  const runner = await runHere();
  await runSagas(20);
  await caughtUp(runner);
  const connection = await database.pool.connect();
  await connection.query('BEGIN');
  await connection.query('SELECT count(*) FROM commit_counts');
  const { generation } = await runner.rebuild('commit-counts');
  await expect
    .poll(async () => (await runner.progress())[0])
    .toMatchObject({ rebuild: { generation, done: 1 } });
  const reads: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    reads.push(await timed(() => database.pool.query('SELECT count(*) FROM commit_counts')));
    await delay(20);
  }
  // In the middle: a busy machine may be late now and then.
  expect(reads.toSorted((a, b) => a - b)[10]).toBeLessThan(500);
  await connection.query('COMMIT');
  connection.release();
  await expect
    .poll(async () => (await runner.progress())[0]?.live?.generation, { timeout: 30_000 })
    .toBe(generation);
  expect(await wrongCounts()).toEqual([]);
});

test('a projection that has nothing to do asks the database at most once a second', async () => {
  const runner = await runHere({ lease: 4_000 });
  await runSagas(2);
  await caughtUp(runner);
  const queries = vi.spyOn(database.pool, 'query');
  const tooMany = await questionsTooMany(() => queries.mock.calls.length);
  queries.mockRestore();
  expect(tooMany).toBeLessThan(1);
});

test('a commit is in the rows of the projection in less than 20 ms in the middle', async () => {
  const runner = await runHere();
  const lease = { workerId: await registered(store), token: 1n };
  await store.create(newSaga(), { lease });
  await caughtUp(runner);
  const median = await quickest(20, async () => {
    const lags: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      await store.create(newSaga(), { lease });
      const startedAt = performance.now();
      await caughtUp(runner);
      lags.push(performance.now() - startedAt);
      await delay(10);
    }
    const middle = lags.toSorted((a, b) => a - b)[10] ?? Number.NaN;
    console.log(`commit to read model, median of 20: ${middle.toFixed(1)} ms`);
    return middle - (await bareStatements(database.pool));
  });
  expect(median).toBeLessThan(20);
});

test('a projection outlives the loss of every connection, and its counts stay exact', async () => {
  const runner = await runHere();
  for (let n = 0; n < 5; n += 1) {
    const sagas = runSagas(10).catch(() => {});
    await database.killConnections();
    await sagas;
  }
  await insist(() => caughtUp(runner));
  expect(await wrongCounts()).toEqual([]);
});
