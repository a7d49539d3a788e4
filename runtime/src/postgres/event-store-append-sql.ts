/** Codes of an expectation in SQL. A version stands for itself; 0 is `none`. */
export const EXPECT_EXISTS: bigint = -1n;
export const EXPECT_ANY: bigint = -2n;

/** Subscriptions of every process listen on this channel. The payload is empty: it only wakes. */
export const EVENTS_CHANNEL = 'potter_events';

/**
 * - `group`: every row for itself. A stream that somebody else has locked is reported `busy` and not waited for, so that
 *   one slow transaction cannot hold up the appends that share the statement.
 * - `alone`: all rows or none; waits for locks.
 */
export type AppendMode = 'group' | 'alone';

/**
 * The whole append as one statement, so that no lock is held across a round trip.
 *
 * Parameters: $1 stream ids, $2 expectations, $3 numbers of events (0: only a check), all sorted by stream id; for each
 * event $4 number of its stream, $5 place in the write, $6 id, $7 type, $8 schema version, $9 data, $10 metadata, $11
 * tags as array text; for each id that the writer chose $12 number of its stream, $13 the id; $14 whether to notify.
 *
 * In order: `held` locks the rows of known streams in the order of the parameters, which is the same in every process, and
 * sees their newest versions; `verdict` judges; `moved` creates or advances the rows; `written` inserts. A stream that
 * somebody created since the snapshot was taken is in `verdict` but not in `moved`: `raced`, to be tried again.
 *
 * JSON and tags travel as text, because the driver cannot put objects or ragged arrays into an array parameter.
 */
export function appendSql(mode: AppendMode): string {
  const gate = mode === 'group' ? '' : "and not exists (select from verdict where outcome <> 'ok')";
  return `
with input as materialized (
  select no, stream_id, expected, added
  from unnest($1::text[], $2::bigint[], $3::int[]) with ordinality as i (stream_id, expected, added, no)
), held as materialized (
  select i.no, i.stream_id, s.version
  from input i
  cross join lateral (
    select version from potter.streams
    where stream_id = i.stream_id
    for update ${mode === 'group' ? 'skip locked' : ''}
  ) s
), repeated as materialized (
  select distinct g.no
  from unnest($12::int[], $13::uuid[]) as g (no, id)
  cross join lateral (select from potter.events where event_id = g.id) e
), verdict as materialized (
  select i.no, i.stream_id, i.added, h.version,
    case
      when exists (select from repeated r where r.no = i.no) then 'repeated'
      when h.version is null
        and exists (select from potter.streams s where s.stream_id = i.stream_id) then 'busy'
      when i.expected = ${EXPECT_ANY} then 'ok'
      when i.expected = ${EXPECT_EXISTS} and h.version > 0 then 'ok'
      when i.expected = coalesce(h.version, 0) then 'ok'
      else 'conflict'
    end as outcome
  from input i left join held h using (no)
), moved as (
  insert into potter.streams as s (stream_id, version)
  select stream_id, coalesce(version, 0) + added
  from verdict where outcome = 'ok' and (added > 0 or version is null) ${gate}
  order by no
  on conflict (stream_id) do update set version = excluded.version
  where s.stream_id in (select stream_id from held)
  returning s.stream_id, s.version
), accepted as materialized (
  select v.no, v.stream_id, m.version - v.added as base,
    date_trunc('milliseconds', clock_timestamp()) as recorded_at
  from verdict v join moved m using (stream_id)
), written as (
  insert into potter.events
    (stream_id, version, event_id, type, schema_version, data, metadata, tags, recorded_at)
  select a.stream_id, a.base + e.place, e.id, e.type, e.schema_version, e.data::json, e.metadata::json,
    e.tags::text[], a.recorded_at
  from unnest($4::int[], $5::int[], $6::uuid[], $7::text[], $8::int[], $9::text[], $10::text[], $11::text[])
    as e (no, place, id, type, schema_version, data, metadata, tags)
  join accepted a using (no)
  order by e.no, e.place
  returning stream_id, version, position, recorded_at
), positions as (
  select stream_id, array_agg(position order by version)::text as positions,
    (extract(epoch from min(recorded_at)) * 1000)::bigint::text as recorded_ms
  from written group by stream_id
)
select v.no::int as no,
  case
    when v.outcome = 'ok' and v.added > 0 and p.positions is null then 'raced'
    else v.outcome
  end as outcome,
  coalesce(v.version, 0)::text as version, p.positions, p.recorded_ms,
  case when $14::boolean and p.positions is not null then pg_notify('${EVENTS_CHANNEL}', '')::text end as notified
from verdict v left join positions p using (stream_id)`;
}

/**
 * Makes rows, at version 0, for streams that have none ($1, sorted). Inside a transaction it goes before the append, so
 * that every stream has a row to lock and nobody can create one in between.
 */
export const reserveStreamsSql = `
insert into potter.streams (stream_id, version)
select stream_id, 0 from unnest($1::text[]) with ordinality as i (stream_id, no)
order by no
on conflict (stream_id) do nothing`;
