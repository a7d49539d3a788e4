import { isHeardSql } from '../connection/listener-lock.ts';

/** Codes of an expectation in SQL. A version stands for itself; 0 is `none`. */
export const EXPECT_EXISTS: bigint = -1n;
export const EXPECT_ANY: bigint = -2n;

/** Subscriptions of every process listen on this channel. The payload is empty: it only wakes. */
export const EVENTS_CHANNEL = 'potter_events';

/** How long a group waits for the lock of one of its streams before that stream is left out. */
const GROUP_LOCK_TIMEOUT = '50ms';

/** What an append statement has to do; each form is a statement of its own, for what it does not do costs too. */
export interface AppendForm {
  /**
   * - `group`: gives up after a short wait for a lock (SQLSTATE 55P03), so that one slow transaction cannot hold up the
   *   appends that share the statement. Tells whether anybody listens.
   * - `alone`: waits for locks.
   * - `joined`: inside somebody's transaction: waits for locks, and notifies at its commit.
   * - `prepared`: inside somebody's transaction that will be prepared, and therefore must not notify.
   */
  readonly mode: 'group' | 'alone' | 'joined' | 'prepared';
  /**
   * - `single`: each stream has one event, and none has tags. Then nothing has to be joined, which was a third of the
   *   server's work.
   * - `many`: anything.
   */
  readonly shape: 'single' | 'many';
}

/** Stands between the JSON texts of a parameter. JSON has it nowhere: control characters are escaped there. */
export const SEPARATOR = '\u001F';

/**
 * The whole append as one statement, so that no lock is held across a round trip. Gives a row for each event that was
 * written, in their order; a stream that is not as expected has none and keeps its version.
 *
 * The plan has no choice in it: rows are found by the index that ON CONFLICT names, never by a scan that was right when
 * the table was small. `offset 0` hides the arrays from the planner, so that one plan serves every call. Arrays travel
 * as text, because the driver's own way through each element takes several times as long; JSON goes without quotes,
 * for nearly every second character of it would need a backslash. A time is a double on its way to whole milliseconds,
 * which it holds exactly: extract() would make a numeric of it, which is slow.
 */
export function appendSql({ mode, shape }: AppendForm): string {
  const timeout =
    mode === 'group'
      ? `(select set_config('lock_timeout', '${GROUP_LOCK_TIMEOUT}', true) offset 0) t,`
      : '';
  return `${shape === 'single' ? singleSql(timeout) : manySql(timeout)}
returning stream_id, version::text, position::text,
  (date_part('epoch', recorded_at) * 1000)::bigint::text as recorded_ms ${listenersSql(mode)}`;
}

function listenersSql(mode: AppendForm['mode']): string {
  switch (mode) {
    case 'group':
      return `, ${isHeardSql(EVENTS_CHANNEL)} as heard`;
    case 'joined':
      return `, pg_notify('${EVENTS_CHANNEL}', '')::text as notified`;
    // Holds its locks for longer than a listener should have to wait, so it does not ask.
    case 'alone':
    case 'prepared':
      return '';
  }
}

const jsonTexts = (parameter: string): string =>
  `string_to_array(${parameter}::text, chr(${SEPARATOR.charCodeAt(0)}))`;

/**
 * Locks, compares and advances each stream in one visit of its row. A stream that does not exist, though its writer
 * thought otherwise, gets version 0, which no event can have. `added` is what `returning` has to know of the source.
 */
const guardSql = (source: string, step: 'excluded.added' | '1', returning: string): string => `
with guard as (
  insert into potter.streams as s (stream_id, version, added, expected)
  ${source}
  on conflict (stream_id) do update
  set version = s.version + ${step}, added = excluded.added, expected = excluded.expected
  where excluded.expected = s.version
    or excluded.expected = ${EXPECT_ANY}
    or (excluded.expected = ${EXPECT_EXISTS} and s.version > 0)
  returning ${returning}
)
insert into potter.events`;

/**
 * Parameters, one element a stream, sorted in the same way by every process: $1 ids, $2 expectations, $3 which of the
 * events it gets, from 1; one element an event, in the order of their positions: $4 id, $5 type, $6 schema version, $7
 * data, $8 metadata. The number of the event takes the way through `added`: nothing else of the source comes out of
 * ON CONFLICT again.
 */
function singleSql(timeout: string): string {
  const source = `
  select i.stream_id, case when i.expected in (0, ${EXPECT_ANY}) then 1 else 0 end, i.event, i.expected
  from ${timeout} (select $1::text[] as a, $2::bigint[] as b, $3::int[] as c offset 0) p,
    unnest(p.a, p.b, p.c) as i (stream_id, expected, event)`;
  return `${guardSql(source, '1', 's.stream_id, s.version, s.added as event')}
  (stream_id, version, event_id, type, schema_version, data, metadata)
select g.stream_id, g.version, p.id[g.event], p.type[g.event], p.schema_version[g.event], p.data[g.event]::json,
  p.metadata[g.event]::json
from
  (select $4::uuid[] as id, $5::text[] as type, $6::int[] as schema_version, ${jsonTexts('$7')} as data,
    ${jsonTexts('$8')} as metadata offset 0) p,
  guard g
where g.version > 0
order by g.event`;
}

/**
 * Parameters, one element a stream, sorted in the same way by every process: $1 ids, $2 expectations, $3 numbers of
 * events; one element an event, in the order of their positions: $4 stream id, $5 place in the write, from 1, $6 id,
 * $7 type, $8 schema version, $9 data, $10 metadata, $11 tags as array text, because arrays in an array must be of one
 * length.
 */
function manySql(timeout: string): string {
  const source = `
  select i.stream_id, case when i.expected in (0, ${EXPECT_ANY}) then i.added else 0 end, i.added, i.expected
  from ${timeout} (select $1::text[] as a, $2::bigint[] as b, $3::int[] as c offset 0) p,
    unnest(p.a, p.b, p.c) as i (stream_id, expected, added)`;
  return `${guardSql(source, 'excluded.added', 's.stream_id, s.version - s.added as base')}
  (stream_id, version, event_id, type, schema_version, data, metadata, tags)
select g.stream_id, g.base + n.place, n.id, n.type, n.schema_version, n.data::json, n.metadata::json, n.tags::text[]
from
  (select $4::text[] as a, $5::int[] as b, $6::uuid[] as c, $7::text[] as d, $8::int[] as e, ${jsonTexts('$9')} as f,
    ${jsonTexts('$10')} as g, $11::text[] as h offset 0) p,
  unnest(p.a, p.b, p.c, p.d, p.e, p.f, p.g, p.h) with ordinality
    as n (stream_id, place, id, type, schema_version, data, metadata, tags, no)
  join guard g on g.stream_id = n.stream_id and g.base >= 0
order by n.no`;
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

/** Locks the row of one stream ($1) against other appends. */
export const lockStreamSql = 'select from potter.streams where stream_id = $1 for no key update';

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
