-- Up Migration

create schema if not exists potter;

-- One row for each form of a projection's rows: the one that queries see, and the one that is being built beside it.
-- The row changes with every batch; the free space keeps its versions on one page and out of the indexes.
create table potter.projections (
  name          text collate "C" not null,
  generation    integer not null,
  version       integer not null,
  role          text collate "C" not null check (role in ('live', 'building')),
  -- Everything up to here is in the rows, by the same commit.
  position      bigint not null default 0,
  handled       bigint not null default 0,
  rate          float8 not null default 0,
  paused_at     timestamptz,
  -- What could not be handled, as JSON text.
  failure       text,
  -- The runner that may write; its lease is counted by this database's clock.
  owner         text collate "C",
  -- Grows with every change of owner.
  token         bigint not null default 0,
  expires_at    timestamptz,
  -- Until then somebody wants to be told of every batch.
  watched_until timestamptz,
  started_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  primary key (name, generation),
  constraint projections_role unique (name, role)
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- What was put aside because it could not be handled.
create table potter.projection_dead_letters (
  name       text collate "C" not null,
  generation integer not null,
  position   bigint not null,
  attempts   integer not null,
  error      text not null,
  at         timestamptz not null default clock_timestamp(),
  primary key (name, generation, position)
);

-- Down Migration

drop table potter.projection_dead_letters;
drop table potter.projections;
