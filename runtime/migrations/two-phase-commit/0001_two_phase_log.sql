-- Up Migration

create schema if not exists potter;

-- The identity that a coordinator's log has at its participants; made on first use, never changed.
create table potter.two_phase_coordinators (
  name     text collate "C" primary key,
  identity text collate "C" not null unique
);

-- One row a transaction across participants. The decision is written once, from null, before the first participant
-- hears of it; while it is null the answer is abort.
create table potter.two_phase_transactions (
  coordinator    text collate "C" not null,
  transaction_id text collate "C" not null,
  -- Of its branches; null when it was aborted before it was begun.
  fingerprint    text collate "C",
  decision       text collate "C" check (decision in ('commit', 'abort')),
  -- Of an abort, as JSON text.
  reason         text,
  begun_at       timestamptz not null default clock_timestamp(),
  decided_at     timestamptz,
  settled_at     timestamptz,
  -- When the sweep may take it; null once it is over.
  due_at         timestamptz,
  primary key (coordinator, transaction_id),
  check (settled_at is null or (decision is not null and due_at is null))
) with (fillfactor = 70);

-- The sweep looks only here, so what is over costs it nothing.
create index two_phase_transactions_due on potter.two_phase_transactions (coordinator, due_at) where due_at is not null;
create index two_phase_transactions_begun on potter.two_phase_transactions (coordinator, begun_at, transaction_id);

create table potter.two_phase_log_branches (
  coordinator    text collate "C" not null,
  transaction_id text collate "C" not null,
  participant    text collate "C" not null,
  -- What it was asked to do, and what the commit answered, as JSON text.
  work           text not null,
  result         text,
  vote           text collate "C" check (vote in ('prepared', 'refused', 'failed')),
  outcome        text collate "C" check (outcome in ('committed', 'aborted', 'written-off')),
  failures       integer not null default 0,
  problem        text,
  primary key (coordinator, transaction_id, participant),
  foreign key (coordinator, transaction_id) references potter.two_phase_transactions on delete cascade
) with (fillfactor = 70);

-- What people did by hand. It outlives the transactions it is about.
create table potter.two_phase_audit (
  no             bigint generated always as identity primary key,
  coordinator    text collate "C" not null,
  transaction_id text collate "C" not null,
  at             timestamptz not null default clock_timestamp(),
  by             text not null,
  reason         text not null,
  decision       text collate "C" not null,
  written_off    text[] not null
);

create index two_phase_audit_transaction on potter.two_phase_audit (coordinator, transaction_id);

-- Down Migration

drop table potter.two_phase_audit;
drop table potter.two_phase_log_branches;
drop table potter.two_phase_transactions;
drop table potter.two_phase_coordinators;
