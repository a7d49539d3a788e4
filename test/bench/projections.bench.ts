/**
 * The read model of sagas: how far behind a commit it is, how fast it is built anew, and what following costs whoever
 * commits. Against hand-written SQL on the same server, in the same run. `npm run bench -- projections`;
 * `BENCH_PARTS=cost,rebuild,lag` chooses.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '../../runtime/src/foundation/ids.ts';
import { listen } from '../../runtime/src/postgres/connection/notifications.ts';
import { createPool } from '../../runtime/src/postgres/connection/pool.ts';
import { PostgresProjectionStore } from '../../runtime/src/postgres/projections/projection-store.ts';
import { PostgresSagaFeed } from '../../runtime/src/postgres/sagas/saga-feed.ts';
import {
  SAGA_READ_MODEL,
  sagaReadModel,
} from '../../runtime/src/postgres/sagas/read-models/saga-read-model.ts';
import { PostgresSagaStore } from '../../runtime/src/postgres/sagas/saga-store.ts';
import { inTransaction } from '../../runtime/src/postgres/connection/transaction.ts';
import { createProjectionRunner } from '../../runtime/src/projections/projection-runner.ts';
import { project } from '../../runtime/src/projections/projection.ts';
import { createSagaEngine } from '../../runtime/src/sagas/create-saga-engine.ts';
import { saga } from '../../runtime/src/sagas/definition/saga.ts';
import { isSettled } from '../../runtime/src/sagas/saga-status.ts';
import { startBenchDatabase } from './database.ts';
import { FLOOR_TABLES, handWrittenRebuild } from './projections-floor.ts';
import { type BenchRow, median, percentile, report, throughput } from './report.ts';

const DURATION_MS = Number(process.env['BENCH_MS'] ?? 2_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const SAGAS = Number(process.env['BENCH_SAGAS'] ?? 5_000);

/** Tells when a checkpoint is durable. */
class ObservedStore extends PostgresProjectionStore {
  readonly #waiting = new Map<bigint, () => void>();

  reached(position: bigint): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(position, resolve));
  }

  override async advance(
    ...args: Parameters<PostgresProjectionStore['advance']>
  ): ReturnType<PostgresProjectionStore['advance']> {
    const advanced = await super.advance(...args);
    for (const [position, tell] of this.#waiting) {
      if (position > args[1].to) continue;
      this.#waiting.delete(position);
      tell();
    }
    return advanced;
  }
}

/** Tells when a saga's last commit is durable, without asking the database. */
class SettledStore extends PostgresSagaStore {
  readonly #waiting = new Map<string, () => void>();

  settled(sagaId: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(sagaId, resolve));
  }

  override async commit(
    ...args: Parameters<PostgresSagaStore['commit']>
  ): ReturnType<PostgresSagaStore['commit']> {
    const outcome = await super.commit(...args);
    const [{ sagaId, summary }] = args;
    if (isSettled(summary.status)) {
      this.#waiting.get(sagaId)?.();
      this.#waiting.delete(sagaId);
    }
    return outcome;
  }
}

await using database = await startBenchDatabase(['sagas', 'projections', 'saga-read-models']);
await using pool = createPool(database.url, { maxConnections: 20 });
await pool.query({ text: FLOOR_TABLES });
const store = new SettledStore({ pool });
const feed = new PostgresSagaFeed({ pool });
const projections = new ObservedStore({ pool });
const step = { execute: () => ({ ok: true }) };
const definition = saga<{ readonly orderId: string; readonly customer: { readonly id: string } }>(
  'bench',
)
  .step('one', step)
  .step('two', step)
  .step('three', step)
  .step('four', step)
  .build();
const engine = createSagaEngine({ store, definitions: [definition] });
await engine.run();
const runSaga = async (): Promise<void> => {
  const sagaId = newId();
  const settled = store.settled(sagaId);
  await engine.start(definition, { orderId: newId(), customer: { id: 'customer-1' } }, { sagaId });
  await settled;
};
const readModel = (): ReturnType<typeof createProjectionRunner> =>
  createProjectionRunner({
    store: projections,
    projections: [project(feed, sagaReadModel({ journals: store }))],
  });

const parts = { cost: whatFollowingCosts, rebuild: rebuilds, lag: lags };
const wanted = process.env['BENCH_PARTS']?.split(',') ?? Object.keys(parts);
for (const [part, measure] of Object.entries(parts)) if (wanted.includes(part)) await measure();
await engine.stop();
await store.close();

/** Sagas a second while nobody follows, while the read model does, and if each commit notified. */
async function whatFollowingCosts(): Promise<void> {
  const subjects: Record<string, () => Promise<() => Promise<void>>> = {
    'nobody follows': async () => {
      await pool.query({ text: "UPDATE potter.saga_feed SET watched_until = '-infinity'" });
      return async () => {};
    },
    'marked as followed': async () => {
      await pool.query({ text: "UPDATE potter.saga_feed SET watched_until = 'infinity'" });
      return async () => {};
    },
    'read model follows': async () => {
      const runner = readModel();
      await runner.run();
      return () => runner.stop();
    },
    'NOTIFY in each commit': async () => {
      await pool.query({ text: "UPDATE potter.saga_feed SET watched_until = '-infinity'" });
      await pool.query({
        text: `CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('potter_saga_feed', ''); RETURN NULL; END $$;
          CREATE TRIGGER told AFTER INSERT ON potter.saga_journal FOR EACH STATEMENT EXECUTE FUNCTION told()`,
      });
      return async () => {
        await pool.query({
          text: 'DROP TRIGGER told ON potter.saga_journal; DROP FUNCTION told()',
        });
      };
    },
  };
  const rows: BenchRow[] = [];
  for (const inFlight of [1, 50]) {
    const rates: Record<string, number[]> = {};
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, begin] of Object.entries(subjects)) {
        const end = await begin();
        const { perSecond } = await throughput(inFlight, DURATION_MS, runSaga);
        (rates[name] ??= []).push(perSecond);
        await end();
      }
    }
    const base = median(rates['nobody follows'] ?? []);
    for (const [name, measured] of Object.entries(rates)) {
      const rate = median(measured);
      rows.push({ inFlight, subject: name, 'sagas/s': Math.round(rate), 'of nobody': rate / base });
    }
  }
  report('projections-cost', 'Sagas of 4 steps a second, full durability', rows);
}

/** Everything from the first commit on. */
async function rebuilds(): Promise<void> {
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (let n = 0; n < SAGAS / 64; n += 1) await runSaga();
    }),
  );
  const { rows: counted } = await pool.query<{ n: number }>({
    text: 'SELECT count(*)::int AS n FROM potter.saga_journal',
  });
  const commits = counted[0]?.n ?? 0;
  const runner = readModel();
  await runner.run();
  await runner.waitFor(SAGA_READ_MODEL, 'caughtUp', { timeout: '10m' });
  const times: Record<string, number[]> = { 'hand-written': [], 'read model': [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    await pool.query({ text: 'TRUNCATE floor_sagas, floor_steps, floor_attempts' });
    const floorFrom = performance.now();
    await handWrittenRebuild(pool, 1_000);
    times['hand-written']?.push(performance.now() - floorFrom);
    const from = performance.now();
    const { generation } = await runner.rebuild(SAGA_READ_MODEL);
    for (;;) {
      const [progress] = await runner.progress();
      if (progress?.live?.generation === generation) break;
      await delay(10);
    }
    times['read model']?.push(performance.now() - from);
  }
  await runner.stop();
  const floor = median(times['hand-written'] ?? []);
  const rows = Object.entries(times).map(([subject, measured]): BenchRow => {
    const ms = median(measured);
    return {
      subject,
      commits,
      'commits/s': Math.round((commits / ms) * 1_000),
      'of hand-written': floor / ms,
    };
  });
  report('projections-rebuild', 'The read model built anew: 1,000 commits a page', rows);
}

/** From the answer to a commit to its row, one commit at a time. */
async function lags(): Promise<void> {
  const runner = readModel();
  await runner.run();
  await runner.waitFor(SAGA_READ_MODEL, 'caughtUp', { timeout: '10m' });
  const ours: number[] = [];
  const byHand: number[] = [];
  const floor = await handWrittenFollower();
  const summary = {
    status: 'running',
    currentStep: null,
    error: null,
    wakeAt: null,
    finishedAt: null,
    accepts: 0,
  } as const;
  for (let n = 0; n < 300; n += 1) {
    const before = await feed.head();
    const sagaId = newId();
    const reached = projections.reached(before + 1n);
    await store.create({
      sagaId,
      definition: 'nobody-runs-this',
      definitionVersion: 1,
      correlationId: sagaId,
      fingerprint: sagaId,
      events: [
        {
          type: 'SagaStarted',
          at: new Date(),
          definition: 'nobody-runs-this',
          definitionVersion: 1,
          definitionHash: '',
          input: {},
          correlationId: sagaId,
          deadlineAt: null,
        },
      ],
      summary,
    });
    const committedAt = performance.now();
    await reached;
    ours.push(performance.now() - committedAt);
    byHand.push(await floor.lag());
    await delay(2);
  }
  await floor.close();
  await runner.stop();
  const rows = Object.entries({ 'hand-written': byHand, 'read model': ours }).map(
    ([subject, samples]): BenchRow => ({
      subject,
      'p50 ms': percentile(samples, 0.5),
      'p99 ms': percentile(samples, 0.99),
      'of hand-written': percentile(samples, 0.5) / percentile(byHand, 0.5),
    }),
  );
  report('projections-lag', 'From a commit to its row', rows);
}

/** An insert that notifies in its own commit, and a listener that copies what is new, with its checkpoint. */
async function handWrittenFollower(): Promise<{ lag(): Promise<number>; close(): Promise<void> }> {
  await pool.query({
    text: `CREATE TABLE hand_log (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL);
      CREATE TABLE hand_rows (id text PRIMARY KEY, position bigint NOT NULL)`,
  });
  let position = '0';
  let told: (() => void) | undefined;
  const copy = async (): Promise<void> => {
    await inTransaction(pool, async (transaction) => {
      const { rows } = await transaction.query<{ last: string | null }>({
        name: 'hand_copy',
        text: `WITH page AS (SELECT id, position FROM hand_log WHERE position > $1::bigint ORDER BY position LIMIT 500),
            written AS (INSERT INTO hand_rows SELECT * FROM page ON CONFLICT (id) DO UPDATE SET position = excluded.position)
          SELECT max(position)::text AS last FROM page`,
        values: [position],
      });
      position = rows[0]?.last ?? position;
      await transaction.query({
        text: 'UPDATE floor_checkpoint SET position = $1',
        values: [position],
      });
    });
    told?.();
  };
  const listening = await listen(pool, 'hand_log', {
    onNotification: () => void copy(),
    onReconnect: () => void copy(),
  });
  return {
    lag: async () => {
      const copied = new Promise<void>((resolve) => (told = resolve));
      await pool.query({
        name: 'hand_insert',
        text: `WITH written AS (INSERT INTO hand_log (id) VALUES ($1) RETURNING position) SELECT pg_notify('hand_log', '') FROM written`,
        values: [newId()],
      });
      const committedAt = performance.now();
      await copied;
      return performance.now() - committedAt;
    },
    close: () => listening.close(),
  };
}
