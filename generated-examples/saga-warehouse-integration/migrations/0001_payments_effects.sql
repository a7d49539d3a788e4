-- Up Migration

-- Payments
CREATE TABLE payments (
  payment_id   uuid PRIMARY KEY,
  customer_id  text NOT NULL,
  amount_cents bigint NOT NULL,
  charged_at   timestamptz NOT NULL DEFAULT now(),
  refunded_at  timestamptz
);
-- How often a call with the token 'flaky' has failed.
CREATE TABLE payment_failures (
  key      text PRIMARY KEY,
  failures integer NOT NULL
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

DROP TABLE effects, payment_failures, payments;
