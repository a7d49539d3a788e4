-- Up Migration

-- What the task service did.
CREATE TABLE tasks (
  task_id   uuid PRIMARY KEY,
  saga_id   text NOT NULL,
  task      text NOT NULL,
  done_at   timestamptz NOT NULL DEFAULT now(),
  undone_at timestamptz
);

-- What the services really did. Nothing here is unique on purpose: an effect that happened twice must show.
CREATE TABLE effects (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  saga_id   text NOT NULL,
  service   text NOT NULL,
  operation text NOT NULL,
  key       text NOT NULL,
  at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX effects_by_saga ON effects (saga_id, id);

-- Down Migration

DROP TABLE effects, tasks;
