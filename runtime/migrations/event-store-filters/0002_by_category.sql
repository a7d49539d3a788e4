-- Up Migration
-- No Transaction

-- A category is what a stream's name has before its first colon; reads ask for it in these words.
create index concurrently events_category_position on potter.events (split_part(stream_id, ':', 1), position);

-- Down Migration
-- No Transaction

drop index concurrently potter.events_category_position;
