-- Up Migration

create schema if not exists potter;

-- Read models of sagas: what the journals say, in the form that questions are asked in. All of it can be built anew from
-- the journals, beside these tables, so none of it is a truth of its own.

-- One row a saga.
create table potter.saga_views (
  saga_id            text collate "C" primary key,
  definition         text collate "C" not null,
  definition_version integer not null,
  status             text collate "C" not null,
  paused             boolean not null,
  current_step       text collate "C",
  correlation_id     text not null,
  started_at         timestamptz(3) not null,
  updated_at         timestamptz(3) not null,
  finished_at        timestamptz(3),
  duration_ms        bigint,
  -- JSON text as the codec wrote it: it also carries what jsonb refuses.
  error              text,
  -- Steps that were begun and are not undone, as a JSON array, where the undoing gave up.
  remaining          text,
  -- The keys it waits for or holds; null: none.
  lock               text,
  input              text,
  results            text not null,
  -- The input for filters: plain values, times as ISO 8601, large numbers as text.
  attributes         jsonb,
  -- What the rows of the saga show: its journal up to this entry, and that entry's commit among those of all sagas.
  seq                bigint not null,
  position           bigint not null
) with (fillfactor = 70);

create index saga_views_started on potter.saga_views (started_at, saga_id);
create index saga_views_updated on potter.saga_views (updated_at, saga_id);
create index saga_views_status on potter.saga_views (status, started_at, saga_id);
create index saga_views_definition on potter.saga_views (definition, started_at, saga_id);
create index saga_views_correlation on potter.saga_views (correlation_id);
create index saga_views_attributes on potter.saga_views using gin (attributes jsonb_path_ops);

-- One row for each step that a saga began or passed over.
create table potter.saga_step_views (
  saga_id     text collate "C" not null,
  step        text collate "C" not null,
  -- The steps of a saga in the order in which they were begun.
  no          integer not null,
  status      text collate "C" not null,
  -- Of doing it; undoing is not counted here.
  attempts    integer not null,
  failures    integer not null,
  started_at  timestamptz(3) not null,
  -- From the beginning of the first attempt to the end of the one that did it.
  duration_ms bigint,
  primary key (saga_id, step)
) with (fillfactor = 70);

-- One row for each attempt, doing or undoing.
create table potter.saga_attempt_views (
  saga_id     text collate "C" not null,
  -- The attempts of a saga in the order in which they were begun.
  no          integer not null,
  step        text collate "C" not null,
  kind        text collate "C" not null,
  status      text collate "C" not null,
  attempt     integer not null,
  started_at  timestamptz(3) not null,
  finished_at timestamptz(3),
  duration_ms bigint,
  error       text,
  primary key (saga_id, no)
) with (fillfactor = 70);

-- Down Migration

drop table potter.saga_attempt_views;
drop table potter.saga_step_views;
drop table potter.saga_views;
