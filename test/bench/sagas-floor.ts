import type { PostgresPool } from '../../runtime/src/postgres/client.ts';
import { GroupCommit } from '../../runtime/src/postgres/group-commit.ts';

/** What one writes by hand for a saga that survives a crash: a row with its state, and a log of what happened. */
export const FLOOR_TABLES = `
  CREATE TABLE floor_sagas (id text PRIMARY KEY, status text NOT NULL, step int NOT NULL, state jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 60);
  CREATE TABLE floor_log (id text NOT NULL, step int NOT NULL, event jsonb NOT NULL, PRIMARY KEY (id, step))`;

const EVENT = JSON.stringify({ type: 'AttemptCompleted', path: 'step', result: { ok: true } });
const STATE = JSON.stringify({ input: { orderId: 'order-1' }, results: {} });

/** One statement and one commit per boundary. */
export async function floorByOne(
  pool: PostgresPool,
  id: string,
  boundaries: number,
): Promise<void> {
  await pool.query({
    name: 'floor-create',
    text: `WITH s AS (INSERT INTO floor_sagas (id, status, step, state) VALUES ($1, 'running', 0, $2::jsonb))
      INSERT INTO floor_log VALUES ($1, 0, $3::jsonb)`,
    values: [id, STATE, EVENT],
  });
  for (let step = 1; step < boundaries; step += 1) {
    await pool.query({
      name: 'floor-advance',
      text: `WITH s AS (UPDATE floor_sagas SET status = $2, step = $3::int, state = $4::jsonb, updated_at = now()
          WHERE id = $1 AND step = $3::int - 1 RETURNING id)
        INSERT INTO floor_log SELECT id, $3::int, $5::jsonb FROM s`,
      values: [id, step === boundaries - 1 ? 'completed' : 'running', step, STATE, EVENT],
    });
  }
}

interface Boundary {
  readonly key: string;
  readonly size: number;
  readonly shareable: boolean;
  readonly step: number;
  readonly status: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The same, with the boundaries of sagas that run at the same time in shared statements. */
export class GroupedFloor {
  readonly #groups: GroupCommit<Boundary>;

  constructor(pool: PostgresPool) {
    this.#groups = new GroupCommit<Boundary>(
      async (group) => {
        try {
          await flush(pool, group);
          for (const { resolve } of group) resolve();
        } catch (error) {
          for (const { reject } of group) reject(error);
        }
        return [];
      },
      { maxAppends: 128 },
    );
  }

  async run(id: string, boundaries: number): Promise<void> {
    for (let step = 0; step < boundaries; step += 1) {
      const status = step === boundaries - 1 ? 'completed' : 'running';
      await new Promise<void>((resolve, reject) => {
        this.#groups.add({ key: id, size: 1, shareable: false, step, status, resolve, reject });
      });
    }
  }
}

async function flush(pool: PostgresPool, group: readonly Boundary[]): Promise<void> {
  const created = group.filter(({ step }) => step === 0);
  const advanced = group.filter(({ step }) => step > 0);
  await pool.query({
    name: 'floor-group',
    text: `
      WITH made AS (
        INSERT INTO floor_sagas (id, status, step, state) SELECT id, 'running', 0, $2::jsonb FROM unnest($1::text[]) AS t (id)
      ), advanced AS (
        UPDATE floor_sagas s SET status = a.status, step = a.step, state = $2::jsonb, updated_at = now()
        FROM unnest($3::text[], $4::int[], $5::text[]) AS a (id, step, status)
        WHERE s.id = a.id AND s.step = a.step - 1 RETURNING s.id, s.step
      )
      INSERT INTO floor_log SELECT id, step, $6::jsonb FROM advanced UNION ALL SELECT id, 0, $6::jsonb FROM unnest($1::text[]) AS t (id)`,
    values: [
      created.map(({ key }) => key),
      STATE,
      advanced.map(({ key }) => key),
      advanced.map(({ step }) => step),
      advanced.map(({ status }) => status),
      EVENT,
    ],
  });
}
