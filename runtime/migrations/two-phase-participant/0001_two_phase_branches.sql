-- Up Migration

create schema if not exists potter;

-- One row a branch of a transaction across databases, in the participant's own database. Of a prepared transaction the
-- row is part of it, so that it appears, as committed, in the moment of the commit; an abort leaves a row that refuses
-- a prepare which arrives late. Of try-confirm-cancel the row is there from the try on.
create table potter.two_phase_branches (
  branch text collate "C" primary key,
  state  text collate "C" not null check (state in ('prepared', 'committed', 'aborted')),
  -- What the try answered, and what the commit answers, as JSON text.
  tried  text,
  result text,
  -- When the state was reached; rows that are over and old may be deleted by it.
  at     timestamptz not null default clock_timestamp()
) with (fillfactor = 70);

create index two_phase_branches_prepared on potter.two_phase_branches (branch) where state = 'prepared';

-- Down Migration

drop table potter.two_phase_branches;
