-- Up Migration

create schema if not exists potter;

-- One row a process. Its lease is counted by this database's clock, which all processes share.
-- The row changes with every heartbeat; the free space keeps its versions on one page.
create table potter.saga_workers (
  worker_id  text collate "C" primary key,
  expires_at timestamptz not null
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- What claims and lists need of a saga; its truth is in the journal.
-- A running saga changes no indexed column, so its versions stay on one page and out of the indexes.
create table potter.sagas (
  saga_id            text collate "C" primary key,
  definition         text collate "C" not null,
  definition_version integer not null,
  correlation_id     text not null,
  fingerprint        text not null,
  status             text collate "C" not null,
  current_step       text,
  -- The error as JSON text.
  error              text,
  wake_at            timestamptz,
  started_at         timestamptz not null,
  updated_at         timestamptz not null,
  finished_at        timestamptz,
  -- Which kinds of message it can take now, one bit each.
  accepts            smallint not null,
  -- The worker that may write; null when nobody does.
  owner              text collate "C",
  -- Grows with every change of owner; 0 before the first.
  token              bigint not null,
  -- Place of the last entry of the journal.
  last_seq           bigint not null,
  -- Place of the last message, and of the last one that the journal reflects.
  inbox_last         bigint not null default 0,
  inbox_seen         bigint not null default 0,
  -- When a saga without an owner may be claimed; null while it has one and after it ended. A time long ago: at once, before others.
  due_at             timestamptz,
  -- For how many of its keys it is not the first in their queue; null: it never had any.
  locks_missing      smallint,
  -- Where its definition has limits: the key by which it takes its turn, after a '=', so that every key has something before
  -- it in the order of keys; and its rank among those of its key, the lowest
  -- first, minus infinity once it was begun or told something. When it may be claimed at once, `due_at` is minus infinity.
  limit_key          text collate "C",
  limit_rank         float8,
  -- Until then somebody wants to be told of every commit.
  watched_until      timestamptz
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- Claims look only here, so finished sagas cost them nothing. Of one moment the lower id
-- comes first: those that are made for sagas tell the order of their starts.
create index sagas_due on potter.sagas (definition, definition_version, due_at, saga_id) where due_at is not null;
create index sagas_owned on potter.sagas (owner) where owner is not null;
create index sagas_told on potter.sagas (owner) where inbox_last > inbox_seen;
-- Lists of what is not over look only here. Its columns never change, and its condition only when a saga ends.
create index sagas_open on potter.sagas (saga_id) where finished_at is null;

-- One row a commit: the events that became durable together, as a JSON array. `seq` is the place of the last of them.
-- Readers of all sagas rely on one thing: a position is drawn inside the INSERT, after the table's lock was taken
-- (cache 1, the default). Never draw one by hand.
create table potter.saga_journal (
  saga_id  text collate "C" not null,
  seq      bigint not null,
  events   text not null,
  position bigint generated always as identity,
  primary key (saga_id, seq),
  constraint saga_journal_position unique (position)
);

-- One row: until then somebody reads all sagas and wants to be told of every commit.
create table potter.saga_feed (
  watched_until timestamptz not null
);
insert into potter.saga_feed values ('-infinity');

create table potter.saga_snapshots (
  saga_id text collate "C" primary key,
  seq     bigint not null,
  state   text not null
) with (fillfactor = 70);

create table potter.saga_inbox (
  saga_id    text collate "C" not null,
  seq        bigint not null,
  message_id text collate "C" not null,
  kind       text collate "C" not null,
  at         timestamptz not null,
  -- What it says beyond that, as JSON text.
  body       text,
  primary key (saga_id, seq),
  constraint saga_inbox_message unique (saga_id, message_id)
);

-- Sagas of definitions with limits: those that may be claimed, and those that run. Others are in neither.
create index sagas_ready on potter.sagas (definition, definition_version, limit_key, limit_rank, saga_id)
  where limit_rank is not null and due_at = '-infinity';
create index sagas_running on potter.sagas (definition, limit_key) where limit_rank is not null and owner is not null;

-- One row a definition with limits. Whoever claims its sagas holds the row, and changes it when it has claimed some.
create table potter.saga_limits (
  definition text collate "C" primary key,
  turn       bigint not null default 0,
  -- The key that was served last.
  served     text collate "C" not null default ''
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- When sagas of definitions with a rate were begun, for as long as it matters.
create table potter.saga_starts (
  definition text collate "C" not null,
  at         timestamptz not null,
  no         bigint generated always as identity,
  primary key (definition, at, no)
);

-- Keys that somebody waits for or holds. A transaction that changes a key's queue writes its row first, so the order of the
-- positions is that of the commits: the first in a queue stays the first until it leaves.
create table potter.saga_lock_keys (
  key text collate "C" primary key
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

create table potter.saga_locks (
  key      text collate "C" not null,
  position bigint generated always as identity,
  saga_id  text collate "C" not null,
  primary key (key, position)
);
create index saga_locks_of on potter.saga_locks (saga_id);

-- Down Migration

drop table potter.saga_locks;
drop table potter.saga_lock_keys;
drop table potter.saga_starts;
drop table potter.saga_limits;
drop table potter.saga_inbox;
drop table potter.saga_snapshots;
drop table potter.saga_feed;
drop table potter.saga_journal;
drop table potter.sagas;
drop table potter.saga_workers;
