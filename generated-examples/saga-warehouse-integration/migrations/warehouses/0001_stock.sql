-- Up Migration

-- One warehouse, in a database of its own. A piece is on hand until it is shipped; `reserved` of them belong to orders,
-- `held` are set aside for orders that are not decided yet (the HTTP warehouse; the others have a lock instead).
CREATE TABLE stock (
  sku      text PRIMARY KEY,
  on_hand  integer NOT NULL CHECK (on_hand >= 0),
  reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  held     integer NOT NULL DEFAULT 0 CHECK (held >= 0),
  CHECK (reserved + held <= on_hand)
);

CREATE TABLE reservations (
  saga_id     text PRIMARY KEY,
  -- Pieces by sku.
  pieces      jsonb NOT NULL,
  reserved_at timestamptz NOT NULL DEFAULT now(),
  released_at timestamptz
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

DROP TABLE effects, reservations, stock;
