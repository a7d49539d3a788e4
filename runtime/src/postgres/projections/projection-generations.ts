import type { Generation } from '../../projections/projection-store.ts';
import type { ProjectionIdentity } from '../../projections/projection.ts';
import { superseded } from '../../projections/superseded.ts';
import { assertReplaceable } from './replaceable-tables.ts';
import { tableIn } from '../../projections/table-names.ts';
import type { PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { GENERATION_COLUMNS, generationOf, type GenerationRow } from './projection-store-row.ts';
import { inTransaction } from '../connection/transaction.ts';

/** Runners of every process hear here of changes. The payload is the news and, after a blank, the projection's name. */
export const PROJECTIONS_CHANNEL = 'potter_projections';

/** Makes a first generation, or begins to build a newer version; see the port. */
export async function registerProjection(
  pool: PostgresPool,
  projection: ProjectionIdentity,
): Promise<void> {
  const { name, version, tables } = projection;
  await alone(pool, name, async (transaction, generations) => {
    const live = generations.find(({ role }) => role === 'live');
    if (live !== undefined && live.version >= version) return;
    const isOther = tables.some(({ like }) => like !== undefined);
    if (generations.length === 0 && !isOther) await add(transaction, name, version, 'live', 1);
    else await build(transaction, projection, generations);
  });
}

/** Begins to build a projection anew; see the port. */
export async function startRebuild(
  pool: PostgresPool,
  projection: ProjectionIdentity,
): Promise<Generation> {
  const { name, version } = projection;
  return alone(pool, name, async (transaction, generations) => {
    const live = generations.find(({ role }) => role === 'live');
    if (live !== undefined && live.version > version) throw superseded(name, version, live.version);
    await assertReplaceable(transaction, projection);
    return build(transaction, projection, generations);
  });
}

/** Drops what is being built; see the port. */
export async function cancelRebuild(
  pool: PostgresPool,
  { name, tables }: Pick<ProjectionIdentity, 'name' | 'tables'>,
): Promise<boolean> {
  return alone(pool, name, async (transaction, generations) => {
    const building = generations.find(({ role }) => role === 'building');
    if (building === undefined) return false;
    await drop(transaction, building, tables);
    return true;
  });
}

async function build(
  transaction: PostgresTransaction,
  { name, version, tables }: ProjectionIdentity,
  generations: readonly Generation[],
): Promise<Generation> {
  const building = generations.find(({ role }) => role === 'building');
  if (building !== undefined && building.version >= version) return building;
  if (building !== undefined) await drop(transaction, building, tables);
  const next = Math.max(0, ...generations.map(({ generation }) => generation)) + 1;
  const added = await add(transaction, name, version, 'building', next);
  for (const table of tables) {
    const model = table.like ?? table.name;
    const { rows } = await transaction.query<{ options: string | null }>({
      text: `SELECT array_to_string(reloptions, ', ') AS options FROM pg_class WHERE oid = $1::regclass`,
      values: [model],
    });
    const options = rows[0]?.options ?? null;
    await transaction.query({
      text: `CREATE TABLE ${tableIn(added, table.name)} (LIKE ${model} INCLUDING ALL)${
        options === null ? '' : ` WITH (${options})`
      }`,
    });
  }
  return added;
}

async function add(
  transaction: PostgresTransaction,
  name: string,
  version: number,
  role: Generation['role'],
  generation: number,
): Promise<Generation> {
  const { rows } = await transaction.query<GenerationRow>({
    text: `INSERT INTO potter.projections (name, generation, version, role)
      VALUES ($1, $2, $3, $4)
      RETURNING ${GENERATION_COLUMNS}, pg_notify('${PROJECTIONS_CHANNEL}', 'changed ' || name)`,
    values: [name, generation, version, role],
  });
  const [row] = rows;
  if (row === undefined) throw new TypeError('INSERT ... RETURNING gave nothing back');
  return generationOf(row);
}

/** Whoever writes the generation has its row locked, so its last batch is over, and the next one finds no row. */
async function drop(
  transaction: PostgresTransaction,
  generation: Generation,
  tables: ProjectionIdentity['tables'],
): Promise<void> {
  const values = [generation.name, generation.generation];
  await transaction.query({
    text: `DELETE FROM potter.projections WHERE name = $1 AND generation = $2`,
    values,
  });
  await transaction.query({
    text: `DELETE FROM potter.projection_dead_letters WHERE name = $1 AND generation = $2`,
    values,
  });
  for (const { name } of tables) {
    await transaction.query({ text: `DROP TABLE IF EXISTS ${tableIn(generation, name)}` });
  }
  await transaction.query({
    text: `SELECT pg_notify('${PROJECTIONS_CHANNEL}', 'changed ' || $1)`,
    values: [generation.name],
  });
}

/** Changes to the generations of one projection happen one after the other, the first ones included. */
function alone<T>(
  pool: PostgresPool,
  name: string,
  work: (transaction: PostgresTransaction, generations: readonly Generation[]) => T | Promise<T>,
): Promise<T> {
  return inTransaction(pool, async (transaction) => {
    await transaction.query({
      text: `SELECT pg_advisory_xact_lock(hashtextextended('potter.projections ' || $1, 0))`,
      values: [name],
    });
    const { rows } = await transaction.query<GenerationRow>({
      text: `SELECT ${GENERATION_COLUMNS} FROM potter.projections WHERE name = $1 ORDER BY generation FOR UPDATE`,
      values: [name],
    });
    return work(transaction, rows.map(generationOf));
  });
}
