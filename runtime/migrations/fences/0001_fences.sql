-- Up Migration

create schema if not exists potter;

-- One row a step of a saga, in the participant's own database: whether it was done, whether it was undone, and what
-- each answered. An undo that came first leaves a row without done_at, which refuses the step when it arrives late.
create table potter.fences (
  step        text collate "C" primary key,
  done_at     timestamptz,
  done_result text,
  undone_at   timestamptz,
  undo_result text,
  -- When the first of the two arrived; old rows may be deleted by it.
  arrived_at  timestamptz not null default clock_timestamp()
) with (fillfactor = 80);

-- Down Migration

drop table potter.fences;
