/**
 * The event store against hand-written SQL on the same server, in the same run. `npm run bench -- event-store`
 *
 * - append: 1, 10 and 100 events, 1 and 16 in flight. `raw` is what one writes by hand: BEGIN, read the version, one INSERT
 *   of all events, COMMIT; `insert` the least that can be: one INSERT per append, no version check.
 * - load: a stream of 10, 1,000 and 100,000 events into an aggregate's state, against one SELECT and JSON.parse of the rows.
 */
import type pg from 'pg';
import { streamId } from '../../runtime/src/events/stream-id.ts';
import { PostgresEventStore } from '../../runtime/src/postgres/event-store.ts';
import { startBenchDatabase } from './database.ts';
import { median, percentile, report, throughput, type BenchRow } from './report.ts';

const DURATION_MS = Number(process.env['BENCH_MS'] ?? 3_000);
const PAYLOAD = { amountCents: 12_345, reference: 'invoice 2026-11', note: 'x'.repeat(200) };

await using database = await startBenchDatabase(['event-store']);
const { pool } = database;
await pool.query(
  `CREATE TABLE raw_events (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text NOT NULL, version bigint NOT NULL,
     type text NOT NULL, data jsonb NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(), UNIQUE (stream, version))`,
);

const INSERT = `INSERT INTO raw_events (stream, version, type, data)
  SELECT $1, $2::bigint + n, 'MoneyDeposited', d::jsonb FROM unnest($3::text[]) WITH ORDINALITY AS t (d, n)`;

async function rawTransaction(stream: string, events: number): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<{ v: string }>({
      name: 'version',
      text: 'SELECT coalesce(max(version), 0) AS v FROM raw_events WHERE stream = $1',
      values: [stream],
    });
    await insert(client, stream, rows[0]?.v ?? '0', events);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

async function insert(
  client: pg.Pool | pg.PoolClient,
  stream: string,
  version: string,
  events: number,
): Promise<void> {
  const data = Array.from({ length: events }, () => JSON.stringify(PAYLOAD));
  await client.query({ name: 'insert', text: INSERT, values: [stream, version, data] });
}

async function benchAppend(): Promise<void> {
  const store = new PostgresEventStore({ pool });
  const rows: BenchRow[] = [];
  for (const inFlight of [1, 16]) {
    for (const events of [1, 10, 100]) {
      const batch = Array.from({ length: events }, () => ({
        type: 'MoneyDeposited',
        data: PAYLOAD,
      }));
      const tag = `${inFlight}-${events}`;
      const single = await throughput(inFlight, DURATION_MS, (n) =>
        insert(pool, `i-${tag}-${n}`, '0', events),
      );
      const raw = await throughput(inFlight, DURATION_MS, (n) =>
        rawTransaction(`r-${tag}-${n}`, events),
      );
      const ours = await throughput(inFlight, DURATION_MS, (n) =>
        store.appendToStream(streamId('bench', `${tag}-${n}`), batch, { expected: 'none' }),
      );
      rows.push({
        'in flight': inFlight,
        events,
        'insert/s': single.perSecond,
        'raw/s': raw.perSecond,
        'potter/s': ours.perSecond,
        'potter : insert': ours.perSecond / single.perSecond,
        'potter : raw': ours.perSecond / raw.perSecond,
        'raw p50 ms': median(raw.latenciesMs),
        'potter p50 ms': median(ours.latenciesMs),
        'potter p99 ms': percentile(ours.latenciesMs, 0.99),
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

await benchAppend();
await benchLoad();
