-- Up Migration

create schema if not exists potter;

-- One row a stream: what appends lock and compare. Version 0 is a stream that was locked before it had events.
-- added and expected are what the last writer brought: ON CONFLICT sees nothing but the old row and the proposed one.
-- The row changes with every append; the free space keeps its versions on one page and out of the index.
create table potter.streams (
  stream_id text collate "C" primary key,
  version   bigint not null check (version >= 0),
  added     integer not null default 0,
  expected  bigint not null default 0
) with (fillfactor = 50);

-- Readers rely on one thing: a position is drawn inside the INSERT, after the table's lock was taken (cache 1, the
-- default). Never draw one by hand.
create table potter.events (
  position       bigint generated always as identity primary key,
  stream_id      text collate "C" not null,
  version        bigint not null,
  event_id       uuid not null,
  type           text collate "C" not null,
  schema_version integer not null default 1,
  -- json, not jsonb: the text is kept as the codec wrote it, with the order of keys and every character JSON allows.
  data           json not null,
  metadata       json not null,
  tags           text[] not null default '{}',
  recorded_at    timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
  -- One check, not two: each is parsed anew by every statement.
  constraint events_numbers check (version > 0 and schema_version > 0),
  constraint events_stream_version unique (stream_id, version),
  constraint events_event_id unique (event_id)
);

-- Recorded times grow with the table, so a tiny index finds a range of them.
create index events_recorded_at on potter.events using brin (recorded_at);

-- Down Migration

drop table potter.events;
drop table potter.streams;
