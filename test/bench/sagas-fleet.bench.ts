/**
 * Several processes on one database: what one asks for while it has nothing to do, and whether four are as fast as one with
 * the same load, and lose nothing. `npm run bench -- sagas-fleet`
 *
 * The load is `BENCH_IN_FLIGHT` sagas at once (200), in all: each of four processes has a quarter of what one has.
 *
 * - `own`: each process starts the sagas that it runs, as a service does that starts them for its callers.
 * - `other`: this process starts all of them and runs none, so every saga is claimed by one of those that do.
 *
 * The processes live through the whole bench, and each has run `BENCH_WARM_UP` sagas (10,000) of either kind before anything
 * is measured: after 1,000 the compiler is not through, which costs four processes four times what it costs one. The one is
 * each of the four in turn, so that all are as warm; processes that are not asked have no engine. Start-up is in no figure.
 * `cpu µs` is the CPU of all processes and the server a saga: it hardly depends on what else the machine does, and where
 * all of them share the cores of one machine, it decides.
 *
 * `BENCH_MS` is the length of a slice (2,000), `BENCH_ROUNDS` their number (4).
 */
import {
  createPool,
  type PostgresPool,
  PostgresSagaStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { cpuClock } from './cpu-time.ts';
import { startBenchDatabase } from './database.ts';
import { type BenchRow, median, report } from './report.ts';
import { type FleetProcess, startProcess } from './sagas-fleet.ts';
import { benchSaga } from './sagas-subject.ts';

const DURATION_MS = Number(process.env['BENCH_MS'] ?? 2_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 4);
const IDLE_MS = 10_000;
const IN_FLIGHT = Number(process.env['BENCH_IN_FLIGHT'] ?? 200);
const WARM_UP_SAGAS = Number(process.env['BENCH_WARM_UP'] ?? 10_000);
const PROCESSES = 4;
/** Correlates the sagas that another process started. */
const OTHER = 'other';

await using database = await startBenchDatabase(['sagas']);

/** Statements that an engine without sagas sends, a second. */
async function idleQueries(): Promise<number> {
  await using pool = createPool(database.url, { maxConnections: 5 });
  let queries = 0;
  const counting: PostgresPool = {
    query: (statement) => {
      queries += 1;
      return pool.query(statement);
    },
    connect: async () => {
      const connection = await pool.connect();
      const query = connection.query.bind(connection);
      return Object.assign(connection, {
        query: (statement: Parameters<typeof query>[0]) => {
          queries += 1;
          return query(statement);
        },
      });
    },
  };
  await using store = new PostgresSagaStore({ pool: counting });
  const engine = createSagaEngine({ store, definitions: [] });
  await engine.run();
  queries = 0;
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const idle = queries / (IDLE_MS / 1_000);
  await engine.stop();
  return idle;
}

/** What a slice gave. */
interface Slice {
  readonly perSecond: number;
  readonly cpuUs: number;
}

let started = 0;

/** Each process starts its share of the sagas, and runs them. */
async function own(processes: readonly FleetProcess[], durationMs = DURATION_MS): Promise<Slice> {
  const inFlight = IN_FLIGHT / processes.length;
  const before = cpu();
  const running = await Promise.all(
    processes.map((one) => one.order({ kind: 'start', inFlight, durationMs })),
  );
  const results = await Promise.all(running.map(({ result }) => result));
  const sagas = results.reduce((sum, result) => sum + result.sagas, 0);
  const cpuMs = results.reduce((sum, result) => sum + result.cpuMs, cpu() - before);
  started += sagas;
  return {
    perSecond: results.reduce((sum, { perSecond }) => sum + perSecond, 0),
    cpuUs: (cpuMs / sagas) * 1_000,
  };
}

/** All sagas are started here, one whenever one ends, and are run there. */
async function other(processes: readonly FleetProcess[]): Promise<Slice> {
  let running = 0;
  let sagas = 0;
  let until = Number.POSITIVE_INFINITY;
  let idle: (() => void) | undefined;
  const startMore = async (count: number): Promise<void> => {
    if (performance.now() >= until) {
      if (running === 0) idle?.();
      return;
    }
    running += count;
    sagas += count;
    await Promise.all(
      Array.from({ length: count }, () =>
        starter.start(definition, { orderId: 'order-1' }, { correlationId: OTHER }),
      ),
    );
  };
  const before = cpu();
  const serving = await Promise.all(
    processes.map((one) =>
      one.order({ kind: 'serve' }, (count) => {
        running -= count;
        void startMore(count);
      }),
    ),
  );
  const from = performance.now();
  until = from + DURATION_MS;
  const over = new Promise<void>((resolve) => (idle = resolve));
  await startMore(IN_FLIGHT);
  await over;
  const elapsedMs = performance.now() - from;
  for (const { enough } of serving) enough();
  const results = await Promise.all(serving.map(({ result }) => result));
  const cpuMs = results.reduce((sum, result) => sum + result.cpuMs, cpu() - before);
  started += sagas;
  return { perSecond: sagas / (elapsedMs / 1_000), cpuUs: (cpuMs / sagas) * 1_000 };
}

/**
 * How many of the sagas that were started are not completed, or not with one commit for each boundary; who claims a saga
 * writes one more, its first intent.
 */
async function wrong(): Promise<number> {
  const { rows } = await database.pool.query<{ readonly right: string }>(`
    SELECT count(*) FILTER (WHERE s.status = 'completed' AND j.seq = s.last_seq
      AND j.writes = CASE s.correlation_id WHEN '${OTHER}' THEN 5 ELSE 4 END) AS right
    FROM potter.sagas s JOIN (
      SELECT saga_id, max(seq) AS seq, count(*) AS writes FROM potter.saga_journal GROUP BY saga_id
    ) j USING (saga_id)`);
  return started - Number(rows[0]?.right);
}

const cpu = await cpuClock(database.pool);
const idle = await idleQueries();
const definition = benchSaga<PostgresTransaction>(3, false);
await using starterPool = createPool(database.url, { maxConnections: 5 });
await using starterStore = new PostgresSagaStore({ pool: starterPool });
const starter = createSagaEngine({ store: starterStore, definitions: [definition] });
const processes = Array.from({ length: PROCESSES }, () => startProcess(database.url));
// A saga that is claimed takes other ways through the program than one that is started where it runs.
for (const way of [own, other]) {
  for (let warm = 0; warm < WARM_UP_SAGAS;) {
    const before = started;
    await way(processes);
    warm += (started - before) / PROCESSES;
  }
}
const subjects = new Map(
  Object.entries({ own, other }).flatMap(([by, measure]) =>
    [1, PROCESSES].map((count) => [
      `${by} ${count}`,
      { by, count, measure, slices: [] as Slice[] },
    ]),
  ),
);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { count, measure, slices } of subjects.values()) {
    const asked = count === 1 ? [processes[round % PROCESSES]] : processes;
    slices.push(await measure(asked.flatMap((one) => one ?? [])));
  }
}
const lost = await wrong();
await Promise.all(processes.map((one) => one.end()));

const of = (by: string, count: number, figure: keyof Slice): number =>
  median(subjects.get(`${by} ${count}`)?.slices.map((slice) => slice[figure]) ?? []);
const rows: BenchRow[] = [...subjects.values()].map(({ by, count }) => ({
  processes: count,
  'started by': by,
  inFlight: IN_FLIGHT,
  'sagas/s': Math.round(of(by, count, 'perSecond')),
  'of one process': of(by, count, 'perSecond') / of(by, 1, 'perSecond'),
  'cpu µs': of(by, count, 'cpuUs'),
  'cpu of one process': of(by, count, 'cpuUs') / of(by, 1, 'cpuUs'),
}));
report('sagas-fleet', 'Processes on one database', [
  ...rows,
  { processes: 'idle', 'queries/s': idle },
  { processes: 'all', 'lost or wrong': lost },
]);
