/**
 * Sagas against hand-written SQL on the same server, in the same run. `npm run bench -- sagas`
 *
 * - `by one`: what one writes by hand: a statement and a commit per boundary, on a pool of 20 connections.
 * - `grouped`: the same with the boundaries of concurrent sagas in shared statements, one after the other.
 * - `log only`: one insert of many rows, and nothing that says which sagas are unfinished.
 * - `sagas`: the engine on PostgreSQL, with leases, tokens, inbox, intents and journal. Same number of boundaries.
 * - `dbos`: DBOS 5 on the same server, when it is installed.
 *
 * `cpu µs` is the CPU time of this process and the server a saga: it hardly depends on what else the machine does.
 *
 * `BENCH_MS` is the length of a slice (1,000), `BENCH_ROUNDS` their number (3), `BENCH_IN_FLIGHT` what is tried (1,16,50),
 * `BENCH_LANES` the statements in flight (2).
 */
import { newId } from 'potter-runtime/foundation';
import { createPool, PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { cpuClock } from './cpu-time.ts';
import { startBenchDatabase } from './database.ts';
import { type BenchRow, median, percentile, report, throughput } from './report.ts';
import { DBOS_INSTALL, startDbos } from './sagas-dbos.ts';
import { FLOOR_TABLES, floorByOne, GroupedFloor, logAndRows, logOnly } from './sagas-floor.ts';
import { benchSaga, runSaga, watch } from './sagas-subject.ts';

const DURATION_MS = Number(process.env['BENCH_MS'] ?? 1_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const WARM_UP_SAGAS = 1_000;
const IN_FLIGHT = (process.env['BENCH_IN_FLIGHT'] ?? '1,16,50').split(',').map(Number);

const shapes = [3, 5].flatMap((steps) => [
  { steps, fails: false, definition: benchSaga<PostgresTransaction>(steps, false) },
  { steps, fails: true, definition: benchSaga<PostgresTransaction>(steps, true) },
]);

await using database = await startBenchDatabase(['sagas']);
await using pool = createPool(database.url, { maxConnections: 20 });
await pool.query({ text: FLOOR_TABLES });
const store = new PostgresSagaStore({
  pool,
  commitConnections: Number(process.env['BENCH_LANES'] ?? 2),
});
const watched = watch(store);
const engine = createSagaEngine({ store, definitions: shapes.map(({ definition }) => definition) });
await engine.run();
const grouped = new GroupedFloor(pool, logAndRows);
const logged = new GroupedFloor(pool, logOnly);
await using dbos = (await startDbos(database.url, shapes)) ?? null;
if (!dbos)
  console.log(`DBOS is not installed and not in the table. To have it there: ${DBOS_INSTALL}`);

const cpu = await cpuClock(pool);
const rows: BenchRow[] = [];
for (const { steps, fails, definition } of shapes) {
  await runSaga(engine, watched, definition);
  watched.writes = 0;
  await runSaga(engine, watched, definition);
  const boundaries = watched.writes;
  // The compiler is to know every way before anything is measured.
  for (let n = 0; n < WARM_UP_SAGAS; n += 50) {
    await Promise.all(Array.from({ length: 50 }, () => runSaga(engine, watched, definition)));
    await Promise.all(Array.from({ length: 50 }, () => grouped.run(newId(), boundaries)));
    await Promise.all(Array.from({ length: 50 }, () => logged.run(newId(), boundaries)));
  }
  // A write alone has a statement of its own, which none of those before was.
  for (let n = 0; n < WARM_UP_SAGAS; n += 1) {
    await runSaga(engine, watched, definition);
    await floorByOne(pool, newId(), boundaries);
  }
  for (const inFlight of IN_FLIGHT) {
    const subjects: Record<string, () => Promise<void>> = {
      'by one': () => floorByOne(pool, newId(), boundaries),
      grouped: () => grouped.run(newId(), boundaries),
      'log only': () => logged.run(newId(), boundaries),
      sagas: () => runSaga(engine, watched, definition),
      ...(dbos && { dbos: () => dbos.run(steps, fails) }),
    };
    const rates: Record<string, number[]> = {};
    const latencies: Record<string, number[]> = {};
    const cpuMs: Record<string, number[]> = {};
    // In turns, so that a noisy moment of the machine hits all of them.
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, work] of Object.entries(subjects)) {
        const before = cpu();
        const { perSecond, latenciesMs } = await throughput(inFlight, DURATION_MS, work);
        (cpuMs[name] ??= []).push((cpu() - before) / latenciesMs.length);
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
        'cpu µs': median(cpuMs[name] ?? []) * 1_000,
        'of by one': rate(name) / rate('by one'),
        'of grouped': rate(name) / rate('grouped'),
        'of log only': rate(name) / rate('log only'),
        ...(dbos && { 'of dbos': rate(name) / rate('dbos') }),
      });
    }
  }
}
report('sagas', 'Sagas per second, full durability', rows);
await engine.stop();
await store.close();
