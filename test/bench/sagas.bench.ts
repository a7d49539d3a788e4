/**
 * Sagas against hand-written SQL on the same server, in the same run. `npm run bench -- sagas`
 *
 * - `by one`: what one writes by hand: a statement and a commit per boundary, on a pool of 20 connections.
 * - `grouped`: the same with the boundaries of concurrent sagas in shared statements: as fast as it gets.
 * - `grouped, log only`: a log and nothing that finds the unfinished sagas: one insert of many rows.
 * - `sagas`: the engine on PostgreSQL, with leases, tokens, inbox, intents and journal. Same number of boundaries.
 */
import { Rejection } from '../../runtime/src/errors/rejection.ts';
import { newId } from '../../runtime/src/foundation/ids.ts';
import type { PostgresTransaction } from '../../runtime/src/postgres/client.ts';
import { createPool } from '../../runtime/src/postgres/pool.ts';
import { PostgresSagaStore } from '../../runtime/src/postgres/saga-store.ts';
import { createSagaEngine } from '../../runtime/src/sagas/create-saga-engine.ts';
import { saga } from '../../runtime/src/sagas/definition/saga.ts';
import type { SagaDefinition } from '../../runtime/src/sagas/definition/saga-definition.ts';
import { isSettled } from '../../runtime/src/sagas/saga-status.ts';
import { startBenchDatabase } from './database.ts';
import { type BenchRow, median, percentile, report, throughput } from './report.ts';
import { FLOOR_TABLES, floorByOne, GroupedFloor, logAndRows, logOnly } from './sagas-floor.ts';

const DURATION_MS = Number(process.env['BENCH_MS'] ?? 2_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);

/** Tells when a saga's last commit is durable, without asking the database. */
class ObservedStore extends PostgresSagaStore {
  readonly #waiting = new Map<string, () => void>();
  commits = 0;

  settled(sagaId: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(sagaId, resolve));
  }

  override async create(
    ...args: Parameters<PostgresSagaStore['create']>
  ): ReturnType<PostgresSagaStore['create']> {
    this.commits += 1;
    return super.create(...args);
  }

  override async commit(
    ...args: Parameters<PostgresSagaStore['commit']>
  ): ReturnType<PostgresSagaStore['commit']> {
    const outcome = await super.commit(...args);
    this.commits += 1;
    const [{ sagaId, summary }] = args;
    if (isSettled(summary.status)) {
      this.#waiting.get(sagaId)?.();
      this.#waiting.delete(sagaId);
    }
    return outcome;
  }
}

interface Input {
  readonly orderId: string;
}

function definitionOf(steps: number, fails: boolean): SagaDefinition<Input, PostgresTransaction> {
  const name = `bench-${steps}-${fails ? 'undone' : 'done'}`;
  let builder = saga<Input, PostgresTransaction>(name, { version: 1 });
  for (let n = 1; n < steps; n += 1) {
    // Its name is not known to the compiler, so its results have no type either.
    builder = builder.step<string, { ok: boolean }>(`step-${n}`, {
      execute: () => ({ ok: true }),
      compensate: () => {},
    });
  }
  const last = {
    execute: () => {
      if (fails) throw new Rejection('REFUSED', 'The last step says no.');
      return { ok: true };
    },
  };
  return builder.step('last', last).build();
}

await using database = await startBenchDatabase(['sagas']);
await using pool = createPool(database.url, { maxConnections: 20 });
await pool.query({ text: FLOOR_TABLES });
const definitions = [3, 5].flatMap((steps) => [
  definitionOf(steps, false),
  definitionOf(steps, true),
]);
const store = new ObservedStore({
  pool,
  commitConnections: Number(process.env['BENCH_LANES'] ?? 2),
});
const engine = createSagaEngine({ store, definitions });
await engine.run();
const grouped = new GroupedFloor(pool, logAndRows);
const logged = new GroupedFloor(pool, logOnly);

async function runSaga(definition: SagaDefinition<Input, PostgresTransaction>): Promise<void> {
  const sagaId = newId();
  const settled = store.settled(sagaId);
  await engine.start(definition, { orderId: 'order-1' }, { sagaId });
  await settled;
}

const rows: BenchRow[] = [];
for (const definition of definitions) {
  await runSaga(definition);
  store.commits = 0;
  await runSaga(definition);
  const boundaries = store.commits;
  for (const inFlight of [1, 16, 50]) {
    const subjects = {
      'by one': () => floorByOne(pool, newId(), boundaries),
      grouped: () => grouped.run(newId(), boundaries),
      'grouped, log only': () => logged.run(newId(), boundaries),
      sagas: () => runSaga(definition),
    };
    const rates: Record<string, number[]> = {};
    const latencies: Record<string, number[]> = {};
    // In turns, so that a noisy moment of the machine hits all of them.
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, work] of Object.entries(subjects)) {
        const { perSecond, latenciesMs } = await throughput(inFlight, DURATION_MS, work);
        (rates[name] ??= []).push(perSecond);
        (latencies[name] ??= []).push(...latenciesMs);
      }
    }
    const rate = (name: string): number => median(rates[name] ?? []);
    for (const name of Object.keys(subjects)) {
      rows.push({
        saga: definition.name,
        commits: boundaries,
        inFlight,
        subject: name,
        'sagas/s': Math.round(rate(name)),
        'p50 ms': percentile(latencies[name] ?? [], 0.5),
        'p99 ms': percentile(latencies[name] ?? [], 0.99),
        'of by one': rate(name) / rate('by one'),
        'of grouped': rate(name) / rate('grouped'),
        'of log only': rate(name) / rate('grouped, log only'),
      });
    }
  }
}
report('sagas', 'Sagas per second, full durability', rows);
await engine.stop();
await store.close();
