/**
 * The engine alone, on its store in memory: steps a second, and in a second of CPU, which is what one core of a busy machine
 * has to be measured by. `npm run bench -- sagas-memory`
 *
 * `BENCH_MS` is the length of a slice (1,000), `BENCH_ROUNDS` their number (5).
 */
import {
  createSagaEngine,
  type InMemoryTransaction,
  InMemorySagaStore,
} from 'potter-runtime/sagas';
import { type BenchRow, median, report, throughput } from './report.ts';
import { benchSaga, runSaga, watch } from './sagas-subject.ts';

const DURATION_MS = Number(process.env['BENCH_MS'] ?? 1_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const IN_FLIGHT = 50;

const rows: BenchRow[] = [];
for (const steps of [3, 10]) {
  for (const fails of [false, true]) {
    const definition = benchSaga<InMemoryTransaction>(steps, fails);
    // The last step says no; the others are done and undone.
    const attempts = fails ? 2 * steps - 1 : steps;
    const perSecond: number[] = [];
    const perCpuSecond: number[] = [];
    for (let round = -1; round < ROUNDS; round += 1) {
      // A store of its own for each slice: it keeps every journal, and its size is not what is measured.
      const store = new InMemorySagaStore();
      const watched = watch(store);
      const engine = createSagaEngine({ store, definitions: [definition] });
      await engine.run();
      const before = process.cpuUsage();
      const from = performance.now();
      const { perSecond: sagas } = await throughput(IN_FLIGHT, DURATION_MS, () =>
        runSaga(engine, watched, definition),
      );
      const used = process.cpuUsage(before);
      const seconds = (performance.now() - from) / 1_000;
      await engine.stop();
      // The first slice warms up.
      if (round < 0) continue;
      perSecond.push(sagas * attempts);
      perCpuSecond.push((sagas * attempts * seconds) / ((used.user + used.system) / 1e6));
    }
    rows.push({
      saga: definition.name,
      inFlight: IN_FLIGHT,
      'steps/s': Math.round(median(perSecond)),
      'steps per second of CPU': Math.round(median(perCpuSecond)),
      'of 100,000': median(perCpuSecond) / 100_000,
    });
  }
}
report('sagas-memory', 'The engine in memory', rows);
