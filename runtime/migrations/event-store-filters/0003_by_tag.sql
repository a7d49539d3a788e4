-- Up Migration
-- No Transaction

-- Events without tags cost it nothing.
create index concurrently events_tags on potter.events using gin (tags) where tags <> '{}';

-- Down Migration
-- No Transaction

drop index concurrently potter.events_tags;
