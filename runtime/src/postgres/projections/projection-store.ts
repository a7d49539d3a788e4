import { type Duration, durationMs } from '../../foundation/duration.ts';
import { type Logger, silentLogger } from '../../foundation/logger.ts';
import type { ProjectionContext, ProjectionIdentity } from '../../projections/projection.ts';
import {
  type AcquireOutcome,
  type DeadLetter,
  type FailedItem,
  type Generation,
  type GenerationKey,
  PROJECTION_WATCH_MS,
  type ProjectionLease,
  type ProjectionListener,
  type ProjectionStep,
  type ProjectionStore,
} from '../../projections/projection-store.ts';
import { tableIn } from '../../projections/table-names.ts';
import type { PostgresPool, PostgresStatement, PostgresTransaction } from '../connection/client.ts';
import { translatePostgresError } from '../connection/errors.ts';
import { listen } from '../connection/notifications.ts';
import { targetOfPool } from '../connection/pool-target.ts';
import {
  cancelRebuild,
  PROJECTIONS_CHANNEL,
  registerProjection,
  startRebuild,
} from './projection-generations.ts';
import { promote } from './projection-promote.ts';
import {
  type DeadLetterRow,
  deadLetterOf,
  failureText,
  GENERATION_COLUMNS,
  generationOf,
  type GenerationRow,
} from './projection-store-row.ts';
import { msOf } from '../connection/ms-of.ts';
import { inTransaction } from '../connection/transaction.ts';

/** Options of {@link PostgresProjectionStore}. */
export interface PostgresProjectionStoreOptions {
  /** Stays the caller's. Each running projection takes one connection for a batch and one to read ahead. */
  readonly pool: PostgresPool;
  /**
   * How long a batch may do something other than ask the database before the server ends its session, with which a
   * process that stands still loses its locks. Default 10 s; raise it for handlers that compute for longer.
   */
  readonly stalledAfter?: Duration;
  /** Told when the listening connection breaks. Default: nobody. */
  readonly logger?: Logger;
}

/** Whoever has the lease now: parameters $1 name, $2 generation, $3 owner, $4 token. */
const HELD = `name = $1 AND generation = $2 AND owner = $3 AND token = $4 AND expires_at > clock_timestamp()`;
const UNTIL = `clock_timestamp() + $5::float8 * interval '1 millisecond'`;
const CHANGED = `pg_notify('${PROJECTIONS_CHANNEL}', 'changed ' || name)`;
const MOVED = `pg_notify('${PROJECTIONS_CHANNEL}', 'moved ' || name)`;

/** The row's owner is not waited for: a batch of its may take long. */
const ACQUIRE_SQL = `
  WITH free AS (
    SELECT name, generation FROM potter.projections
    WHERE name = $1 AND generation = $2 AND paused_at IS NULL
      AND (owner IS NULL OR owner = $3 OR expires_at <= clock_timestamp())
    FOR UPDATE SKIP LOCKED)
  UPDATE potter.projections p SET owner = $3,
    token = CASE WHEN p.owner = $3 AND p.expires_at > clock_timestamp() THEN p.token ELSE p.token + 1 END,
    expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond'
  FROM free WHERE p.name = free.name AND p.generation = free.generation
  RETURNING p.token::text, p.position::text`;

/**
 * The checkpoint, before the work of the batch: it locks the row, so that of two runners that both believe to have the
 * lease the second one waits and then finds the checkpoint moved. A process that is stopped in the middle of a batch
 * loses its session and with it the lock.
 */
const ADVANCE_SQL = `
  UPDATE potter.projections SET position = $6, handled = handled + $7, rate = $8, updated_at = clock_timestamp()
  WHERE ${HELD} AND paused_at IS NULL AND position = $5
  RETURNING role, CASE WHEN watched_until > clock_timestamp() THEN ${MOVED} END,
    set_config('idle_in_transaction_session_timeout', $9, true)`;

/** Projections in PostgreSQL, in the tables of the component `projections`, next to the rows they write. */
export class PostgresProjectionStore implements ProjectionStore<PostgresTransaction> {
  readonly #pool: PostgresPool;
  readonly #logger: Logger;
  readonly #stalledAfter: string;

  constructor(options: PostgresProjectionStoreOptions) {
    this.#pool = options.pool;
    this.#logger = options.logger ?? silentLogger;
    this.#stalledAfter = `${durationMs(options.stalledAfter ?? '10s')}ms`;
  }

  register(projection: ProjectionIdentity): Promise<void> {
    return registerProjection(this.#pool, projection);
  }

  async generations(name?: string): Promise<readonly Generation[]> {
    const rows = await this.#rows<GenerationRow>({
      name: 'potter_projection_generations',
      text: `SELECT ${GENERATION_COLUMNS} FROM potter.projections
        WHERE $1::text IS NULL OR name = $1 ORDER BY role DESC, name`,
      values: [name ?? null],
    });
    return rows.map(generationOf);
  }

  async acquire(key: GenerationKey, owner: string, ttlMs: number): Promise<AcquireOutcome> {
    const { name, generation } = key;
    const [row] = await this.#rows<{ token: string; position: string }>({
      name: 'potter_projection_acquire',
      text: ACQUIRE_SQL,
      values: [name, generation, owner, ttlMs],
    });
    if (row !== undefined) {
      const lease = { name, generation, owner, token: BigInt(row.token) };
      return { kind: 'acquired', lease, position: BigInt(row.position) };
    }
    const [held] = await this.#rows<{ rest_ms: number | null }>({
      name: 'potter_projection_held',
      text: `SELECT greatest(${msOf('expires_at - clock_timestamp()')}, 50) AS rest_ms FROM potter.projections
        WHERE name = $1 AND generation = $2 AND paused_at IS NULL`,
      values: [name, generation],
    });
    return held === undefined ? { kind: 'gone' } : { kind: 'held', forMs: held.rest_ms ?? 50 };
  }

  async renew(lease: ProjectionLease, ttlMs: number): Promise<boolean> {
    const text = `UPDATE potter.projections SET expires_at = ${UNTIL} WHERE ${HELD} RETURNING generation`;
    const name = 'potter_projection_renew';
    return (await this.#rows({ name, text, values: [...leaseValues(lease), ttlMs] })).length > 0;
  }

  async release(lease: ProjectionLease): Promise<void> {
    const text = `UPDATE potter.projections SET owner = NULL WHERE ${HELD} RETURNING ${CHANGED}`;
    await this.#rows({ text, values: leaseValues(lease) });
  }

  advance(
    lease: ProjectionLease,
    step: ProjectionStep,
    work?: (context: ProjectionContext<PostgresTransaction>) => Promise<void>,
  ): Promise<boolean> {
    return inTransaction(this.#pool, async (transaction) => {
      const { from, to, handled, rate, deadLetter } = step;
      const { rows } = await transaction.query<{ role: Generation['role'] }>({
        name: 'potter_projection_advance',
        text: ADVANCE_SQL,
        values: [...leaseValues(lease), from, to, handled, rate, this.#stalledAfter],
      });
      const [row] = rows;
      if (row === undefined) return false;
      if (deadLetter !== undefined) await putAside(transaction, lease, deadLetter);
      await work?.(contextOf(transaction, { role: row.role, generation: lease.generation }));
      return true;
    });
  }

  startRebuild(projection: ProjectionIdentity): Promise<Generation> {
    return startRebuild(this.#pool, projection);
  }

  cancelRebuild(projection: Pick<ProjectionIdentity, 'name' | 'tables'>): Promise<boolean> {
    return cancelRebuild(this.#pool, projection);
  }

  promote(
    lease: ProjectionLease,
    tables: ProjectionIdentity['tables'],
    catchUp: (context: ProjectionContext<PostgresTransaction>, upTo: bigint) => Promise<bigint>,
  ): Promise<'promoted' | 'refused' | 'busy'> {
    return promote(this.#pool, lease, tables, catchUp);
  }

  async pauseFailed(lease: ProjectionLease, failure: FailedItem): Promise<boolean> {
    const text = `UPDATE potter.projections SET paused_at = clock_timestamp(), failure = $5 WHERE ${HELD} RETURNING ${CHANGED}`;
    return (
      (await this.#rows({ text, values: [...leaseValues(lease), failureText(failure)] })).length > 0
    );
  }

  async setPaused(name: string, paused: boolean): Promise<boolean> {
    const text = `UPDATE potter.projections SET
        paused_at = CASE WHEN $2 THEN coalesce(paused_at, clock_timestamp()) END,
        failure = CASE WHEN $2 THEN failure END
      WHERE name = $1 RETURNING ${CHANGED}`;
    return (await this.#rows({ text, values: [name, paused] })).length > 0;
  }

  async deadLetters(name: string): Promise<readonly DeadLetter[]> {
    const rows = await this.#rows<DeadLetterRow>({
      text: `SELECT d.name, d.position::text, d.attempts, d.error, ${msOf('d.at')} AS at_ms
        FROM potter.projection_dead_letters d JOIN potter.projections p USING (name, generation)
        WHERE name = $1 AND p.role = 'live' ORDER BY d.position`,
      values: [name],
    });
    return rows.map(deadLetterOf);
  }

  settleDeadLetter(
    name: string,
    position: bigint,
    work: (context: ProjectionContext<PostgresTransaction>) => Promise<void>,
  ): Promise<boolean> {
    return inTransaction(this.#pool, async (transaction) => {
      // Locks the generation: its runner waits, so that nobody writes the same rows.
      const live = await transaction.query<Pick<Generation, 'role' | 'generation'>>({
        text: `SELECT role, generation FROM potter.projections WHERE name = $1 AND role = 'live' FOR UPDATE`,
        values: [name],
      });
      const [generation] = live.rows;
      if (generation === undefined) return false;
      const { rows } = await transaction.query({
        text: `DELETE FROM potter.projection_dead_letters WHERE name = $1 AND generation = $2 AND position = $3 RETURNING position`,
        values: [name, generation.generation, position],
      });
      if (rows.length === 0) return false;
      await work(contextOf(transaction, generation));
      return true;
    });
  }

  async watch(name: string): Promise<bigint | undefined> {
    const [row] = await this.#rows<{ position: string }>({
      name: 'potter_projection_watch',
      text: `UPDATE potter.projections SET watched_until = clock_timestamp() + $2::float8 * interval '1 millisecond'
        WHERE name = $1 AND role = 'live' RETURNING position::text`,
      values: [name, PROJECTION_WATCH_MS],
    });
    return row === undefined ? undefined : BigInt(row.position);
  }

  async listen(listener: ProjectionListener): Promise<() => Promise<void>> {
    const listening = await listen(
      this.#pool,
      PROJECTIONS_CHANNEL,
      {
        onNotification: (payload) => {
          const [news, name] = payload.split(' ');
          listener(name, news === 'moved' ? 'moved' : 'changed');
        },
        onReconnect: () => listener(undefined, 'changed'),
      },
      { logger: this.#logger },
    );
    return () => listening.close();
  }

  async #rows<Row extends object>(statement: PostgresStatement): Promise<readonly Row[]> {
    try {
      return (await this.#pool.query<Row>(statement)).rows;
    } catch (error) {
      throw translatePostgresError(error, targetOfPool(this.#pool));
    }
  }
}

function leaseValues({ name, generation, owner, token }: ProjectionLease): unknown[] {
  return [name, generation, owner, token];
}

function contextOf(
  transaction: PostgresTransaction,
  generation: Pick<Generation, 'role' | 'generation'>,
): ProjectionContext<PostgresTransaction> {
  return {
    transaction,
    table: (name) => tableIn(generation, name),
    building: generation.role === 'building',
  };
}

async function putAside(
  transaction: PostgresTransaction,
  { name, generation }: ProjectionLease,
  { position, attempts, error }: FailedItem,
): Promise<void> {
  await transaction.query({
    text: `INSERT INTO potter.projection_dead_letters (name, generation, position, attempts, error)
      VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (name, generation, position) DO UPDATE SET attempts = excluded.attempts, error = excluded.error`,
    values: [name, generation, position, attempts, JSON.stringify(error)],
  });
}
