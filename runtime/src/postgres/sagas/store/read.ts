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

/** Only owned and due sagas can be unfinished without failing, and both have an index. */
const UNCLAIMABLE_SQL = `
  SELECT s.definition AS name, s.definition_version AS version, count(*)::integer AS count
  FROM (
    SELECT definition, definition_version FROM potter.sagas WHERE due_at IS NOT NULL
    UNION ALL
    SELECT definition, definition_version FROM potter.sagas WHERE owner IS NOT NULL
  ) s
  WHERE (s.definition, s.definition_version) NOT IN
    (SELECT d.name, d.version FROM unnest($1::text[], $2::integer[]) AS d(name, version))
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
