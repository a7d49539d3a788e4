import type { PostgresPool } from '../../runtime/src/postgres/connection/client.ts';

/**
 * What one writes by hand for a saga that survives a crash: a log of what happened and what is intended next, and a row
 * that says where each saga stands, so that the unfinished ones are found. Rows of former sagas give the planner what it
 * has in a table that has been in use.
 */
export const FLOOR_TABLES = `
  CREATE TABLE floor_sagas (id text PRIMARY KEY, status text NOT NULL, step int NOT NULL, state jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 60);
  CREATE TABLE floor_log (id text NOT NULL, step int NOT NULL, events jsonb NOT NULL, PRIMARY KEY (id, step));
  INSERT INTO floor_sagas SELECT 'before-' || n, 'completed', 3, '{}' FROM generate_series(1, 10000) n;
  INSERT INTO floor_log SELECT 'before-' || n, step, '{}' FROM generate_series(1, 10000) n, generate_series(0, 3) step;
  ANALYZE floor_sagas, floor_log`;

/** One boundary of one saga: what is to be durable before it goes on. */
interface Boundary {
  readonly id: string;
  readonly step: number;
  readonly status: string;
  readonly state: string;
  readonly events: string;
}

/** The boundaries of one saga, as a program would make them: what a step gave back, and the intent of the next. */
function* boundariesOf(id: string, count: number): Generator<Boundary, void, undefined> {
  const results: Record<string, unknown> = {};
  const input = { orderId: 'order-1' };
  for (let step = 0; step < count; step += 1) {
    const at = new Date();
    const result = { ok: true };
    if (step > 0) results[`step-${step}`] = result;
    const events = [
      step === 0
        ? { type: 'Started', at, input }
        : { type: 'Completed', at, step: `step-${step}`, attempt: 1, result },
      step === count - 1
        ? { type: 'Ended', at }
        : { type: 'Intended', at, step: `step-${step + 1}`, attempt: 1 },
    ];
    yield {
      id,
      step,
      status: step === count - 1 ? 'completed' : 'running',
      state: JSON.stringify({ input, results }),
      events: JSON.stringify(events),
    };
  }
}

/** One statement and one commit per boundary. */
export async function floorByOne(pool: PostgresPool, id: string, count: number): Promise<void> {
  for (const boundary of boundariesOf(id, count)) {
    const { step, status, state, events } = boundary;
    await (step === 0
      ? pool.query({
          name: 'floor-create',
          text: `WITH s AS (INSERT INTO floor_sagas (id, status, step, state) VALUES ($1, $2, 0, $3::jsonb))
            INSERT INTO floor_log VALUES ($1, 0, $4::jsonb)`,
          values: [id, status, state, events],
        })
      : pool.query({
          name: 'floor-advance',
          text: `WITH s AS (UPDATE floor_sagas SET status = $2, step = $3::int, state = $4::jsonb, updated_at = now()
              WHERE id = $1 AND step = $3::int - 1 RETURNING id)
            INSERT INTO floor_log SELECT id, $3::int, $5::jsonb FROM s`,
          values: [id, status, step, state, events],
        }));
  }
}

/** Writes the boundaries of many sagas with one statement. */
type Flush = (pool: PostgresPool, group: readonly Boundary[]) => Promise<unknown>;

/** Log and rows of many sagas. `OFFSET 0` keeps the planner from planning for the arrays at hand. */
export const logAndRows: Flush = (pool, group) => {
  const made = group.filter(({ step }) => step === 0);
  const advanced = group.filter(({ step }) => step > 0);
  return pool.query({
    name: 'floor-group',
    text: `
      WITH p AS (SELECT $1::text[] AS a, $2::text[] AS b, $3::text[] AS c OFFSET 0),
      q AS (SELECT $4::text[] AS a, $5::int[] AS b, $6::text[] AS c, $7::text[] AS d, $8::text[] AS e OFFSET 0),
      n AS MATERIALIZED (SELECT x.* FROM p, unnest(p.a, p.b, p.c) AS x (id, state, events)),
      made AS (INSERT INTO floor_sagas (id, status, step, state) SELECT id, 'running', 0, state::jsonb FROM n),
      advanced AS (
        UPDATE floor_sagas s SET status = a.status, step = a.step, state = a.state::jsonb, updated_at = now()
        FROM q, unnest(q.a, q.b, q.c, q.d, q.e) AS a (id, step, status, state, events)
        WHERE s.id = a.id AND s.step = a.step - 1 RETURNING s.id, s.step, a.events
      )
      INSERT INTO floor_log SELECT id, step, events::jsonb FROM advanced UNION ALL SELECT id, 0, events::jsonb FROM n`,
    values: [
      made.map(({ id }) => id),
      made.map(({ state }) => state),
      made.map(({ events }) => events),
      advanced.map(({ id }) => id),
      advanced.map(({ step }) => step),
      advanced.map(({ status }) => status),
      advanced.map(({ state }) => state),
      advanced.map(({ events }) => events),
    ],
  });
};

/** The log alone: who wants to know which sagas are unfinished reads all of it. */
export const logOnly: Flush = (pool, group) =>
  pool.query({
    name: 'floor-log',
    text: 'INSERT INTO floor_log SELECT id, step, events::jsonb FROM unnest($1::text[], $2::int[], $3::text[]) AS t (id, step, events)',
    values: [
      group.map(({ id }) => id),
      group.map(({ step }) => step),
      group.map(({ events }) => events),
    ],
  });

/** Boundaries of concurrent sagas in shared statements: what comes while one is under way leaves with the next. */
export class GroupedFloor {
  readonly #pool: PostgresPool;
  readonly #flush: Flush;
  #waiting: {
    readonly boundary: Boundary;
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  #flushing = false;

  constructor(pool: PostgresPool, flush: Flush) {
    this.#pool = pool;
    this.#flush = flush;
  }

  async run(id: string, count: number): Promise<void> {
    for (const boundary of boundariesOf(id, count)) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push({ boundary, resolve, reject });
        if (!this.#flushing) void this.#flushAll();
      });
    }
  }

  async #flushAll(): Promise<void> {
    this.#flushing = true;
    while (this.#waiting.length > 0) {
      // Who was just answered may have more to say.
      await new Promise(setImmediate);
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#flush(
          this.#pool,
          group.map(({ boundary }) => boundary),
        );
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#flushing = false;
  }
}
