/** Codes of an expectation in SQL. A version stands for itself; 0 is `none`. */
export const EXPECT_EXISTS: bigint = -1n;
export const EXPECT_ANY: bigint = -2n;

/** Subscriptions of every process listen on this channel. The payload is empty: it only wakes. */
export const EVENTS_CHANNEL = 'potter_events';

/** How long a group waits for the lock of one of its streams before that stream is left out. */
const GROUP_LOCK_TIMEOUT = '50ms';

/**
 * - `group`: gives up after a short wait for a lock (SQLSTATE 55P03), so that one slow transaction cannot hold up the
 *   appends that share the statement.
 * - `alone`: waits for locks.
 * - `joined`: inside somebody's transaction: waits for locks, and notifies at its commit.
 */
export type AppendMode = 'group' | 'alone' | 'joined';

/**
 * The whole append as one statement, so that no lock is held across a round trip.
 *
 * Parameters, one element a stream, sorted in the same way by every process: $1 ids, $2 expectations, $3 numbers of
 * events; one element an event, in the order of their positions: $4 stream id, $5 place in the write, from 1, $6 id, $7 type, $8 schema version, $9 data,
 * $10 metadata, $11 tags as array text. Gives a row for each event that was written, in their order; a stream that is
 * not as expected has none and keeps its version.
 *
 * `guard` locks, compares and advances each stream in one visit of its row. A stream that does not exist, though its
 * writer thought otherwise, gets version 0 and thereby a negative base.
 *
 * The plan has no choice in it: rows are found by the index that ON CONFLICT names, never by a scan that was right when the
 * table was small. `offset 0` hides the arrays from the planner, so that one plan serves every call. JSON and tags
 * travel as text, because the driver cannot put objects or ragged arrays into an array parameter.
 */
export function appendSql(mode: AppendMode): string {
  const timeout =
    mode === 'group'
      ? `(select set_config('lock_timeout', '${GROUP_LOCK_TIMEOUT}', true) offset 0) t,`
      : '';
  const notify = mode === 'joined' ? `, pg_notify('${EVENTS_CHANNEL}', '')::text as notified` : '';
  return `
with guard as (
  insert into potter.streams as s (stream_id, version, added, expected)
  select i.stream_id, case when i.expected in (0, ${EXPECT_ANY}) then i.added else 0 end, i.added, i.expected
  from ${timeout}
    (select $1::text[] as a, $2::bigint[] as b, $3::int[] as c offset 0) p,
    unnest(p.a, p.b, p.c) as i (stream_id, expected, added)
  on conflict (stream_id) do update
  set version = s.version + excluded.added, added = excluded.added, expected = excluded.expected
  where excluded.expected = s.version
    or excluded.expected = ${EXPECT_ANY}
    or (excluded.expected = ${EXPECT_EXISTS} and s.version > 0)
  returning s.stream_id, s.version - s.added as base
)
insert into potter.events
  (stream_id, version, event_id, type, schema_version, data, metadata, tags)
select g.stream_id, g.base + n.place, n.id, n.type, n.schema_version, n.data::json, n.metadata::json, n.tags::text[]
from
  (select $4::text[] as a, $5::int[] as b, $6::uuid[] as c, $7::text[] as d, $8::int[] as e, $9::text[] as f,
    $10::text[] as g, $11::text[] as h offset 0) p,
  unnest(p.a, p.b, p.c, p.d, p.e, p.f, p.g, p.h) with ordinality
    as n (stream_id, place, id, type, schema_version, data, metadata, tags, no)
  join guard g on g.stream_id = n.stream_id and g.base >= 0
order by n.no
returning stream_id, version::text, position::text,
  (extract(epoch from recorded_at) * 1000)::bigint::text as recorded_ms ${notify}`;
}

/**
 * Makes rows, at version 0, for streams that have none ($1, sorted). Inside a transaction it goes before the lock, so
 * that every stream has a row to lock and nobody can create one in between.
 */
export const reserveStreamsSql = `
insert into potter.streams (stream_id, version)
select stream_id, 0 from unnest($1::text[]) with ordinality as i (stream_id, no)
order by no
on conflict (stream_id) do nothing`;

/** Locks the rows of streams ($1) in the order given and tells their versions. */
export const lockStreamsSql = `
select s.stream_id, s.version::text
from unnest($1::text[]) with ordinality as i (stream_id, no)
join potter.streams s using (stream_id)
order by i.no
for update of s`;

/** The versions of streams ($1) as they are now. */
export const streamVersionsSql =
  'select stream_id, version::text from potter.streams where stream_id = any($1::text[])';

/** Those of the streams ($1) that somebody has locked. */
export const lockedStreamsSql = `
with free as (
  select stream_id from potter.streams where stream_id = any($1::text[]) for update skip locked
)
select stream_id from potter.streams
where stream_id = any($1::text[]) and stream_id not in (select stream_id from free)`;
