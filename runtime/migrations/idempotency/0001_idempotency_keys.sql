-- Up Migration

create schema if not exists potter;

-- The answers of requests that came with an Idempotency-Key. A row is written by the transaction that has the effect,
-- so status is only ever null inside of that transaction: whoever finds the row finds the answer.
-- The row is inserted and updated by one transaction; the free space keeps both versions on one page and out of the indexes.
create table potter.idempotency_keys (
  scope       text collate "C" not null,
  key         text collate "C" not null,
  -- SHA-256 of method, address and body, as hex: the same key with another one is refused.
  fingerprint text collate "C" not null,
  status      smallint check (status between 100 and 599),
  -- json and text, not jsonb: what was sent is sent again byte for byte.
  headers     json,
  body        text,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  constraint idempotency_keys_pkey primary key (scope, key)
) with (fillfactor = 70);

-- The sweep deletes from the old end.
create index idempotency_keys_expires_at on potter.idempotency_keys (expires_at);

-- Down Migration

drop table potter.idempotency_keys;
