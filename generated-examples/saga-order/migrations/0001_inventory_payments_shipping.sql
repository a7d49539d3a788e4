-- Up Migration

-- Inventory: every piece is available or reserved.
CREATE TABLE stock (
  product_id text PRIMARY KEY,
  available  integer NOT NULL CHECK (available >= 0),
  reserved   integer NOT NULL DEFAULT 0 CHECK (reserved >= 0)
);
INSERT INTO stock (product_id, available) VALUES ('product-1', 100), ('product-2', 5), ('product-3', 0);

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

-- Shipping
CREATE TABLE shipping_countries (
  country text PRIMARY KEY
);
INSERT INTO shipping_countries (country) VALUES ('AT'), ('CH'), ('DE'), ('FR'), ('GB'), ('NL'), ('US');
CREATE TABLE shipments (
  tracking_number text PRIMARY KEY,
  country         text NOT NULL REFERENCES shipping_countries,
  created_at      timestamptz NOT NULL DEFAULT now(),
  cancelled_at    timestamptz
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

DROP TABLE effects, shipments, shipping_countries, payment_failures, payments, stock;
