import type { SagaStatus } from '../../../sagas/saga-event.ts';
import { MESSAGE_BITS, type SagaMessage } from '../../../sagas/saga-message.ts';
import type { InboxEntry, PostOutcome } from '../../../sagas/saga-store.ts';
import type { PostgresClient } from '../../connection/client.ts';
import { sqlStateOf } from '../../connection/errors.ts';
import { AT_ONCE, bodyOf, inboxOf, selectInbox } from './row.ts';
import { SAGA_CHANNEL, WORK } from './write-sql.ts';

/** The row of the saga orders messages and commits: whichever comes second sees the other. */
const POST_SQL = `
  WITH accepted AS (
    UPDATE potter.sagas s SET
      inbox_last = s.inbox_last + 1,
      due_at = CASE WHEN s.owner IS NULL THEN ${AT_ONCE} END,
      limit_rank = CASE WHEN s.limit_rank IS NOT NULL THEN '-infinity'::float8 END
    WHERE s.saga_id = $1 AND s.accepts & $5::smallint <> 0
      AND NOT EXISTS (SELECT FROM potter.saga_inbox i WHERE i.saga_id = $1 AND i.message_id = $2)
    RETURNING s.inbox_last, s.owner
  ),
  kept AS (
    INSERT INTO potter.saga_inbox (saga_id, seq, message_id, kind, at, body)
    SELECT $1, inbox_last, $2, $3, to_timestamp($4::float8 / 1000), $6 FROM accepted
  )
  SELECT inbox_last::text AS seq,
    pg_notify('${SAGA_CHANNEL}', CASE WHEN owner IS NULL THEN ${WORK} ELSE 'message ' || $1 END)
  FROM accepted`;

const REFUSED_SQL = `
  SELECT s.status, (SELECT i.seq::text FROM potter.saga_inbox i WHERE i.saga_id = $1 AND i.message_id = $2) AS seq
  FROM potter.sagas s WHERE s.saga_id = $1`;

const UNIQUE_VIOLATION = '23505';

export async function postMessage(
  client: PostgresClient,
  sagaId: string,
  message: SagaMessage,
): Promise<PostOutcome> {
  const { messageId, kind, at } = message;
  try {
    const { rows } = await client.query<{ readonly seq: string }>({
      name: 'potter_saga_post',
      text: POST_SQL,
      values: [sagaId, messageId, kind, at.getTime(), MESSAGE_BITS[kind], bodyOf(message)],
    });
    const [row] = rows;
    if (row !== undefined) return { kind: 'accepted', seq: BigInt(row.seq) };
  } catch (error) {
    // The same message arrived twice at once, and the other call has put it there.
    if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error;
  }
  const { rows } = await client.query<{ readonly status: SagaStatus; readonly seq: string | null }>(
    {
      text: REFUSED_SQL,
      values: [sagaId, messageId],
    },
  );
  const [row] = rows;
  if (row === undefined) return { kind: 'not-found' };
  if (row.seq !== null) return { kind: 'accepted', seq: BigInt(row.seq) };
  return { kind: 'refused', status: row.status };
}

export async function readInbox(
  client: PostgresClient,
  sagaId: string,
  seen: bigint,
): Promise<readonly InboxEntry[]> {
  const { rows } = await client.query<{ readonly inbox: string | null }>({
    name: 'potter_saga_inbox',
    text: `SELECT ${selectInbox('$1', '$2::bigint')} AS inbox`,
    values: [sagaId, seen],
  });
  return inboxOf(rows[0]?.inbox ?? null);
}
