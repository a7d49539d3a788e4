-- Up Migration
-- No Transaction

-- Concurrently, because appends go on: a table of millions takes minutes. Should it fail halfway, drop the invalid index
-- and migrate again.
create index concurrently events_type_position on potter.events (type, position);

-- Down Migration
-- No Transaction

drop index concurrently potter.events_type_position;
