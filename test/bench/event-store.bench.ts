/**
 * The event store against hand-written SQL on the same server, in the same run. `npm run bench -- event-store`
 *
 * - append: each kind in turns. `raw` is what one writes by hand: BEGIN, read the version, one INSERT of all events,
 *   COMMIT. `same` does that for events that have an id and metadata, in a table with the columns and indexes of the
 *   store's. `insert` is one INSERT per append without a version check, `floor` the least that grouping appends can cost:
 *   a bare INSERT of what waits.
 * - load: a stream of 10, 1,000 and 100,000 events into an aggregate's state, against one SELECT and JSON.parse of the rows.
 *
 * `BENCH_MS` is the time of a kind in a row (3,000), `BENCH_IN_FLIGHT` (1,16) and `BENCH_EVENTS` (1,10,100) are what appends are
 * tried with; `BENCH_PARTS=append,load` chooses.
 */
import { streamId } from '../../runtime/src/events/stream-id.ts';
import { PostgresEventStore } from '../../runtime/src/postgres/event-store/event-store.ts';
import { cpuClock } from './cpu-time.ts';
import { startBenchDatabase } from './database.ts';
import {
  GroupedFloor,
  RAW_TABLE,
  rawInsert,
  rawTransaction,
  SAME_TABLE,
  sameTransaction,
} from './event-store-floor.ts';
import { median, percentile, report, throughput, type BenchRow } from './report.ts';

/** For each kind of append, cut into turns: what else the machine does then hits all of them alike. */
const DURATION_MS = Number(process.env['BENCH_MS'] ?? 3_000);
const IN_FLIGHT = numbers('BENCH_IN_FLIGHT', '1,16');
const EVENTS = numbers('BENCH_EVENTS', '1,10,100');
const TURNS = 5;
const PAYLOAD = { amountCents: 12_345, reference: 'invoice 2026-11', note: 'x'.repeat(200) };

await using database = await startBenchDatabase(['event-store']);
const { pool } = database;
await pool.query(RAW_TABLE);
await pool.query(SAME_TABLE);
const cpuMs = await cpuClock(pool);

const KINDS = ['insert', 'raw', 'same', 'floor', 'potter'] as const;
type Kind = (typeof KINDS)[number];

/** One value for each kind. */
function byKind<T>(make: (kind: Kind) => T): Record<Kind, T> {
  return {
    insert: make('insert'),
    raw: make('raw'),
    same: make('same'),
    floor: make('floor'),
    potter: make('potter'),
  };
}

async function benchAppend(): Promise<void> {
  const store = new PostgresEventStore({ pool });
  const floor = new GroupedFloor(pool);
  const rows: BenchRow[] = [];
  for (const inFlight of IN_FLIGHT) {
    for (const events of EVENTS) {
      const payloads = Array.from({ length: events }, () => PAYLOAD);
      const batch = payloads.map((data) => ({ type: 'MoneyDeposited', data }));
      const appends: Record<Kind, (id: string) => Promise<unknown>> = {
        insert: (id) => rawInsert(pool, `insert-${id}`, payloads),
        raw: (id) => rawTransaction(pool, `raw-${id}`, payloads),
        same: (id) => sameTransaction(pool, `same-${id}`, payloads),
        floor: (id) => floor.append(`floor-${id}`, payloads),
        potter: (id) => store.appendToStream(streamId('potter', id), batch, { expected: 'none' }),
      };
      await cleanSlate();
      const { perSecond, latenciesMs, cpuUs } = await inTurns(appends, inFlight, String(events));
      rows.push({
        'in flight': inFlight,
        events,
        'insert/s': perSecond.insert,
        'raw/s': perSecond.raw,
        'same/s': perSecond.same,
        'floor/s': perSecond.floor,
        'potter/s': perSecond.potter,
        'potter : raw': perSecond.potter / perSecond.raw,
        'potter : same': perSecond.potter / perSecond.same,
        'potter : floor': perSecond.potter / perSecond.floor,
        'floor : raw': perSecond.floor / perSecond.raw,
        'raw cpu us': cpuUs.raw,
        'same cpu us': cpuUs.same,
        'floor cpu us': cpuUs.floor,
        'potter cpu us': cpuUs.potter,
        'raw p50 ms': median(latenciesMs.raw),
        'potter p50 ms': median(latenciesMs.potter),
        'potter p99 ms': percentile(latenciesMs.potter, 0.99),
      });
    }
  }
  report(
    'event-store-append',
    'Appends a second (one append is one stream, checked for its version)',
    rows,
  );
  await store.close();
}

/** Empty tables, and nothing left to be written to the disk on behalf of the row before. */
async function cleanSlate(): Promise<void> {
  await pool.query('TRUNCATE raw_events, same_events, potter.events, potter.streams');
  await pool.query('CHECKPOINT');
}

/**
 * Runs the kinds one after the other, several times over; appends a second are those of the turn in the middle. A first
 * turn warms up and does not count.
 */
async function inTurns(
  appends: Readonly<Record<Kind, (id: string) => Promise<unknown>>>,
  inFlight: number,
  tag: string,
): Promise<{
  readonly perSecond: Record<Kind, number>;
  readonly latenciesMs: Record<Kind, number[]>;
  /** Of this process and the server, for one append. */
  readonly cpuUs: Record<Kind, number>;
}> {
  const speeds = byKind((): number[] => []);
  const latenciesMs = byKind((): number[] => []);
  const usedMs = byKind(() => 0);
  for (let turn = 0; turn <= TURNS; turn += 1) {
    for (const kind of KINDS) {
      const before = cpuMs();
      const run = await throughput(inFlight, DURATION_MS / TURNS, (n) =>
        appends[kind](`${inFlight}-${tag}-${turn}-${n}`),
      );
      if (turn === 0) continue;
      usedMs[kind] += cpuMs() - before;
      speeds[kind].push(run.perSecond);
      latenciesMs[kind].push(...run.latenciesMs);
    }
  }
  const perSecond = byKind((kind) => median(speeds[kind]));
  const cpuUs = byKind((kind) => (1_000 * usedMs[kind]) / latenciesMs[kind].length);
  return { perSecond, latenciesMs, cpuUs };
}

async function benchLoad(): Promise<void> {
  const store = new PostgresEventStore({ pool });
  const rows: BenchRow[] = [];
  for (const events of [10, 1_000, 100_000]) {
    const stream = streamId('load', String(events));
    for (let written = 0; written < events; written += 5_000) {
      const size = Math.min(5_000, events - written);
      await store.appendToStream(
        stream,
        Array.from({ length: size }, () => ({ type: 'MoneyDeposited', data: PAYLOAD })),
      );
    }
    await pool.query(
      `INSERT INTO raw_events (stream, version, type, data)
         SELECT $1, n, 'MoneyDeposited', $2::jsonb FROM generate_series(1, $3::int) n`,
      [`load-${events}`, JSON.stringify(PAYLOAD), events],
    );
    const runs = events > 10_000 ? 7 : 60;
    const rawMs: number[] = [];
    const oursMs: number[] = [];
    for (let run = 0; run < runs; run++) {
      rawMs.push(await timed(() => loadRaw(`load-${events}`, events)));
      oursMs.push(
        await timed(async () => {
          let balance = 0;
          for await (const page of store.readStream(stream).pages()) {
            for (const event of page.events) balance += (event.data as typeof PAYLOAD).amountCents;
          }
          if (balance !== events * PAYLOAD.amountCents) throw new Error('wrong balance');
        }),
      );
    }
    rows.push({
      events,
      'raw ms': median(rawMs),
      'potter ms': median(oursMs),
      'potter events/s': events / (median(oursMs) / 1_000),
      'raw : potter': median(rawMs) / median(oursMs),
    });
  }
  report('event-store-load', 'Loading one stream into a balance', rows);
  await store.close();
}

async function loadRaw(stream: string, events: number): Promise<void> {
  const { rows } = await pool.query<{ data: typeof PAYLOAD }>({
    name: 'load',
    text: 'SELECT version, type, data FROM raw_events WHERE stream = $1 ORDER BY version',
    values: [stream],
  });
  const balance = rows.reduce((sum, row) => sum + row.data.amountCents, 0);
  if (balance !== events * PAYLOAD.amountCents) throw new Error('wrong balance');
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function numbers(name: string, otherwise: string): readonly number[] {
  return (process.env[name] ?? otherwise).split(',').map(Number);
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  append: benchAppend,
  load: benchLoad,
};
for (const part of process.env['BENCH_PARTS']?.split(',') ?? Object.keys(parts))
  await parts[part]?.();
