/**
 * Several processes on one database: what one asks for while it has nothing to do, and whether four are as fast as one
 * with as many sagas in flight together, and lose nothing. `npm run bench -- sagas-fleet`
 *
 * `BENCH_MS` is the length of a slice (2,000), `BENCH_ROUNDS` their number (3).
 */
import { createPool, type PostgresPool, PostgresSagaStore } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { cpuClock } from './cpu-time.ts';
import { startBenchDatabase } from './database.ts';
import { type BenchRow, median, report } from './report.ts';
import { startProcess } from './sagas-fleet.ts';

const DURATION_MS = Number(process.env['BENCH_MS'] ?? 2_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const IDLE_MS = 10_000;
const IN_FLIGHT = 200;

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

/** Sagas a second of so many processes, `IN_FLIGHT` in flight together; how many were started, and how many are not right. */
async function fleet(processes: number): Promise<{
  readonly perSecond: number;
  readonly wrong: number;
  /** CPU of the processes and of the server, a saga. */
  readonly cpuUs: number;
}> {
  const running = await Promise.all(
    Array.from({ length: processes }, () =>
      startProcess(database.url, IN_FLIGHT / processes, DURATION_MS),
    ),
  );
  const before = cpu();
  const results = await Promise.all(running.map(({ go }) => go()));
  const measured = results.reduce((sum, result) => sum + result.measured, 0);
  const cpuMs = results.reduce((sum, result) => sum + result.cpuMs, cpu() - before);
  const started = results.reduce((sum, { sagas }) => sum + sagas, 0);
  const { rows } = await database.pool.query<{ readonly right: string }>(`
    SELECT count(*) FILTER (WHERE s.status = 'completed' AND j.seq = s.last_seq AND j.writes = 4) AS right
    FROM potter.sagas s JOIN (
      SELECT saga_id, max(seq) AS seq, count(*) AS writes FROM potter.saga_journal GROUP BY saga_id
    ) j USING (saga_id)`);
  await database.pool.query('TRUNCATE potter.sagas, potter.saga_journal');
  return {
    perSecond: results.reduce((sum, { perSecond }) => sum + perSecond, 0),
    wrong: started - Number(rows[0]?.right),
    cpuUs: (cpuMs / measured) * 1_000,
  };
}

const cpu = await cpuClock(database.pool);
const idle = await idleQueries();
const cpuUs = new Map<number, number[]>();
const rates = new Map<number, number[]>([
  [1, []],
  [4, []],
]);
let wrong = 0;
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [processes, perSecond] of rates) {
    const measured = await fleet(processes);
    perSecond.push(measured.perSecond);
    cpuUs.set(processes, [...(cpuUs.get(processes) ?? []), measured.cpuUs]);
    wrong += measured.wrong;
  }
}
const one = median(rates.get(1) ?? []);
const rows: BenchRow[] = [...rates].map(([processes, perSecond]) => ({
  processes,
  inFlight: IN_FLIGHT,
  'sagas/s': Math.round(median(perSecond)),
  'of one process': median(perSecond) / one,
  'cpu µs': median(cpuUs.get(processes) ?? []),
}));
report('sagas-fleet', 'Processes on one database', [
  ...rows,
  { processes: 'idle', 'queries/s': idle },
  { processes: 'all', 'lost or wrong': wrong },
]);
