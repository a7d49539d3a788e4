-- Up Migration

-- States of streams, so that a load need not replay them from the beginning. Copies: all of it may be deleted any time.
create table potter.snapshots (
  stream_id      text collate "C" not null,
  version        bigint not null check (version > 0),
  schema_version integer not null,
  -- What a state of the schema looks like at the beginning, hashed; see stateShape.
  shape          text collate "C" not null,
  -- json, not jsonb: the hash is over the text as it was written.
  state          json not null,
  state_hash     text collate "C" not null,
  taken_at       timestamptz(3) not null,
  primary key (stream_id, version)
);

-- Down Migration

drop table potter.snapshots;
