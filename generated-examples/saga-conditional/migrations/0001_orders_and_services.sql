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

-- Verification of large orders
CREATE TABLE verifications (
  verification_id uuid PRIMARY KEY,
  customer_id     text NOT NULL,
  amount_cents    bigint NOT NULL,
  verified_at     timestamptz NOT NULL DEFAULT now(),
  withdrawn_at    timestamptz
);

-- VIP benefits
CREATE TABLE vip_grants (
  grant_id       uuid PRIMARY KEY,
  customer_id    text NOT NULL,
  discount_cents bigint NOT NULL,
  granted_at     timestamptz NOT NULL DEFAULT now(),
  revoked_at     timestamptz
);

-- Customs
CREATE TABLE customs_declarations (
  declaration_id uuid PRIMARY KEY,
  from_country   text NOT NULL,
  to_country     text NOT NULL,
  value_cents    bigint NOT NULL,
  declared_at    timestamptz NOT NULL DEFAULT now(),
  withdrawn_at   timestamptz
);

-- Shipping
CREATE TABLE shipping_countries (
  country text PRIMARY KEY
);
INSERT INTO shipping_countries (country) VALUES ('AT'), ('CH'), ('DE'), ('FR'), ('GB'), ('NL'), ('US');
CREATE TABLE shipments (
  tracking_number text PRIMARY KEY,
  carrier         text NOT NULL CHECK (carrier IN ('express', 'standard')),
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

DROP TABLE effects, shipments, shipping_countries, customs_declarations, vip_grants, verifications, orders;
