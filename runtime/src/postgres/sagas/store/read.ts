import type { JournalEntry } from '../../../sagas/saga-event.ts';
import type { DefinitionVersion, StoredSaga } from '../../../sagas/saga-store.ts';
import type { PostgresClient } from '../../connection/client.ts';
import { decodeRows } from './events.ts';
import { type SagaRow, selectSaga, storedSagaOf } from './row.ts';

const LOAD_SQL = selectSaga('(SELECT * FROM potter.sagas WHERE saga_id = $1) s');

export async function loadSaga(
  client: PostgresClient,
  sagaId: string,
): Promise<StoredSaga | undefined> {
  const { rows } = await client.query<SagaRow>({
    name: 'potter_saga_load',
    text: LOAD_SQL,
    values: [sagaId],
  });
  return rows[0] && storedSagaOf(rows[0]);
}

/** A row is a commit of at least one event, so that many rows are always enough. */
const JOURNAL_SQL = `
  SELECT '[' || string_agg(j.events, ',' ORDER BY j.seq) || ']' AS tail, max(j.seq)::text AS seq
  FROM (SELECT events, seq FROM potter.saga_journal WHERE saga_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) j`;

export async function readJournal(
  client: PostgresClient,
  sagaId: string,
  options: { readonly after?: bigint; readonly limit?: number } = {},
): Promise<readonly JournalEntry[]> {
  const { after = 0n, limit } = options;
  const { rows } = await client.query<{
    readonly tail: string | null;
    readonly seq: string | null;
  }>({
    name: 'potter_saga_journal',
    text: JOURNAL_SQL,
    values: [sagaId, after, limit ?? null],
  });
  const { tail = null, seq = null } = rows[0] ?? {};
  // The first row may begin before what was asked for.
  const entries = decodeRows(tail, BigInt(seq ?? 0)).filter((entry) => entry.seq > after);
  return limit === undefined ? entries : entries.slice(0, limit);
}

/** The first of the due definition versions, or the first after another: one step over their index. */
const nextDue = (after = ''): string => `
  SELECT s.definition, s.definition_version FROM potter.sagas s WHERE s.due_at IS NOT NULL ${after}
  ORDER BY s.definition, s.definition_version LIMIT 1`;

/**
 * Only owned and due sagas can be unfinished without failing. Definition versions of the due ones are gone through one step
 * over the index each, and every owner has a row among the workers: without statistics, in a table that grew fast, the
 * planner takes nearly all sagas for owned and due, and would read all that ever ended.
 */
const UNCLAIMABLE_SQL = `
  WITH RECURSIVE known AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::integer[]) AS d(name, version)),
  due AS (
    SELECT * FROM (${nextDue()}) first
    UNION ALL
    SELECT n.* FROM due d CROSS JOIN LATERAL (
      ${nextDue('AND (s.definition, s.definition_version) > (d.definition, d.definition_version)')}) n
  )
  SELECT u.definition AS name, u.definition_version AS version, sum(u.count)::integer AS count
  FROM (
    SELECT d.definition, d.definition_version, n.count FROM due d CROSS JOIN LATERAL (
      SELECT count(*) AS count FROM potter.sagas s
      WHERE s.definition = d.definition AND s.definition_version = d.definition_version AND s.due_at IS NOT NULL) n
    WHERE (d.definition, d.definition_version) NOT IN (SELECT name, version FROM known)
    UNION ALL
    SELECT o.definition, o.definition_version, 1 FROM potter.saga_workers w CROSS JOIN LATERAL (
      SELECT s.definition, s.definition_version FROM potter.sagas s WHERE s.owner = w.worker_id OFFSET 0) o
    WHERE (o.definition, o.definition_version) NOT IN (SELECT name, version FROM known)
  ) u
  GROUP BY 1, 2 ORDER BY 1, 2`;

export async function countUnclaimable(
  client: PostgresClient,
  definitions: readonly DefinitionVersion[],
): Promise<readonly (DefinitionVersion & { readonly count: number })[]> {
  const { rows } = await client.query<DefinitionVersion & { readonly count: number }>({
    text: UNCLAIMABLE_SQL,
    values: [definitions.map(({ name }) => name), definitions.map(({ version }) => version)],
  });
  return rows;
}
