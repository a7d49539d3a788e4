import { jsonCodec } from '../../../foundation/json.ts';
import type {
  DirectoryPage,
  SagaBacklog,
  SagaFilter,
  SagaListing,
} from '../../../sagas/saga-directory.ts';
import type { SagaError, SagaStatus } from '../../../sagas/saga-event.ts';
import { MESSAGE_BITS } from '../../../sagas/saga-message.ts';
import { isFinished } from '../../../sagas/saga-status.ts';
import type { DefinitionVersion } from '../../../sagas/saga-store.ts';
import type { PostgresClient } from '../../connection/client.ts';
import { msOf } from '../../connection/ms-of.ts';

/** Only what is paused or failed takes a resume. */
const PAUSED = `(s.status <> 'failed' AND s.accepts & ${MESSAGE_BITS.resume} <> 0)`;

const COLUMNS = `s.saga_id, s.definition, s.definition_version, s.correlation_id, s.status, ${PAUSED} AS paused,
  s.current_step, s.error, ${msOf('s.started_at')} AS started_at, ${msOf('s.updated_at')} AS updated_at,
  ${msOf('s.finished_at')} AS finished_at`;

interface ListingRow {
  readonly saga_id: string;
  readonly definition: string;
  readonly definition_version: number;
  readonly correlation_id: string;
  readonly status: SagaStatus;
  readonly paused: boolean;
  readonly current_step: string | null;
  readonly error: string | null;
  readonly started_at: number;
  readonly updated_at: number;
  readonly finished_at: number | null;
}

/** Only the conditions that are asked for are in the statement, so that each is planned for what it asks. */
export async function listSagas(
  client: PostgresClient,
  filter: SagaFilter,
  { after, limit }: DirectoryPage,
): Promise<readonly SagaListing[]> {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (value: unknown, condition: (parameter: string) => string): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add(after, (p) => `s.saga_id > ${p}`);
  add(filter.status, (p) => `s.status = ANY(${p}::text[])`);
  add(filter.paused, (p) => `${PAUSED} = ${p}::boolean`);
  add(filter.definition, (p) => `s.definition = ${p}`);
  add(filter.definitionVersion, (p) => `s.definition_version = ${p}::integer`);
  add(filter.currentStep, (p) => `s.current_step = ${p}`);
  add(filter.correlationId, (p) => `s.correlation_id = ${p}`);
  add(filter.startedFrom?.getTime(), (p) => `s.started_at >= to_timestamp(${p}::float8 / 1000)`);
  add(filter.startedBefore?.getTime(), (p) => `s.started_at < to_timestamp(${p}::float8 / 1000)`);
  if (isOpen(filter)) conditions.push('s.finished_at IS NULL');
  if (filter.unknownTo) {
    add(namesOf(filter.unknownTo), (names) => {
      values.push(filter.unknownTo?.map(({ version }) => version));
      return `NOT EXISTS (SELECT FROM unnest(${names}::text[], $${values.length}::integer[]) AS d(name, version)
        WHERE d.name = s.definition AND d.version = s.definition_version)`;
    });
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const { rows } = await client.query<ListingRow>({
    text: `SELECT ${COLUMNS} FROM potter.sagas s ${where} ORDER BY s.saga_id LIMIT $${values.push(limit)}::integer`,
    values,
  });
  return rows.map(listingOf);
}

/** Whether it cannot find a saga that is over: then the index of the others serves. */
function isOpen({ status, paused, unknownTo }: SagaFilter): boolean {
  return paused === true || unknownTo !== undefined || status?.some(isFinished) === false;
}

function namesOf(definitions: readonly DefinitionVersion[]): readonly string[] {
  return definitions.map(({ name }) => name);
}

function listingOf(row: ListingRow): SagaListing {
  return {
    sagaId: row.saga_id,
    definition: row.definition,
    definitionVersion: row.definition_version,
    correlationId: row.correlation_id,
    status: row.status,
    paused: row.paused,
    currentStep: row.current_step,
    error: row.error === null ? null : (jsonCodec.decode(row.error) as SagaError),
    startedAt: new Date(row.started_at),
    updatedAt: new Date(row.updated_at),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at),
  };
}

/** The smallest entry of the index of due sagas, for each definition; messages make a saga due since ever, and are left out. */
const BACKLOG_SQL = `
  SELECT (SELECT count(*)::integer FROM potter.sagas s WHERE s.finished_at IS NULL AND s.status = 'failed') AS failed,
    (SELECT ${msOf('min(found.wake_at)')} FROM unnest($1::text[], $2::integer[]) AS d(name, version)
      CROSS JOIN LATERAL (
        SELECT s.wake_at FROM potter.sagas s
        WHERE s.definition = d.name AND s.definition_version = d.version
          AND s.due_at > '0001-01-01' AND s.due_at <= to_timestamp($3::float8 / 1000)
        ORDER BY s.due_at LIMIT 1) found) AS oldest`;

export async function readBacklog(
  client: PostgresClient,
  definitions: readonly DefinitionVersion[],
  now: Date,
): Promise<SagaBacklog> {
  const { rows } = await client.query<{
    readonly failed: number;
    readonly oldest: number | null;
  }>({
    name: 'potter_saga_backlog',
    text: BACKLOG_SQL,
    values: [namesOf(definitions), definitions.map(({ version }) => version), now.getTime()],
  });
  const { failed = 0, oldest = null } = rows[0] ?? {};
  return { failed, oldestDueAt: oldest === null ? null : new Date(oldest) };
}
