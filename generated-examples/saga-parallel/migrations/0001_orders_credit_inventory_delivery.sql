-- Up Migration

-- Orders, in the database of the sagas: an order and its saga are one commit.
CREATE TABLE orders (
  order_id          text PRIMARY KEY,
  saga_id           text NOT NULL,
  status            text NOT NULL DEFAULT 'placed' CHECK (status IN ('placed', 'completed', 'cancelled')),
  details           jsonb NOT NULL,
  fulfilment        jsonb,
  cancelled_because text
);

-- Credit: what a customer may owe, and what is held of it.
CREATE TABLE credit_limits (
  customer_id text PRIMARY KEY,
  limit_cents bigint NOT NULL CHECK (limit_cents >= 0)
);
INSERT INTO credit_limits (customer_id, limit_cents) VALUES ('customer-over-limit', 0);
CREATE TABLE credit_holds (
  hold_id      uuid PRIMARY KEY,
  customer_id  text NOT NULL REFERENCES credit_limits,
  amount_cents bigint NOT NULL,
  held_at      timestamptz NOT NULL DEFAULT now(),
  released_at  timestamptz
);
CREATE INDEX credit_holds_by_customer ON credit_holds (customer_id) WHERE released_at IS NULL;

-- Inventory: every piece is available or reserved.
CREATE TABLE stock (
  product_id text PRIMARY KEY,
  available  integer NOT NULL CHECK (available >= 0),
  reserved   integer NOT NULL DEFAULT 0 CHECK (reserved >= 0)
);
INSERT INTO stock (product_id, available) VALUES ('product-1', 100), ('product-2', 5), ('product-3', 0);

-- Delivery
CREATE TABLE shipping_countries (
  country text PRIMARY KEY
);
INSERT INTO shipping_countries (country) VALUES ('AT'), ('CH'), ('DE'), ('FR'), ('GB'), ('NL'), ('US');
CREATE TABLE delivery_quotes (
  quote_id       uuid PRIMARY KEY,
  country        text NOT NULL REFERENCES shipping_countries,
  pieces         integer NOT NULL,
  delivery_cents integer NOT NULL,
  quoted_at      timestamptz NOT NULL DEFAULT now(),
  cancelled_at   timestamptz
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

DROP TABLE effects, delivery_quotes, shipping_countries, stock, credit_holds, credit_limits, orders;
