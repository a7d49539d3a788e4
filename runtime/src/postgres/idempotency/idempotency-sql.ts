/**
 * Takes a key, with or without its answer. Gives a row when it was free or past its time, none when it is taken. While
 * another transaction holds the key this waits for its end; `set_config` bounds that wait and is evaluated before it.
 */
export const CLAIM = `
insert into potter.idempotency_keys as known (scope, key, fingerprint, status, headers, body, expires_at)
select $1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7::double precision / 1000)
 where set_config('lock_timeout', $8, true) is not null
on conflict on constraint idempotency_keys_pkey do update
   set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
       body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at
 where known.expires_at <= now()
returning key`;

/** Takes those of many keys that are free or past their time, in the order given, and tells which. Else as {@link CLAIM}. */
export const CLAIM_ALL = `
insert into potter.idempotency_keys as known (scope, key, fingerprint, expires_at)
select r.scope, r.key, r.fingerprint, now() + make_interval(secs => $4::double precision / 1000)
  from unnest($1::text[], $2::text[], $3::text[]) as r (scope, key, fingerprint)
 where set_config('lock_timeout', $5, true) is not null
on conflict on constraint idempotency_keys_pkey do update
   set fingerprint = excluded.fingerprint, status = null, headers = null, body = null,
       created_at = excluded.created_at, expires_at = excluded.expires_at
 where known.expires_at <= now()
returning scope, key`;

/** The answer under a key that is taken. */
export const READ = `
select fingerprint, status, headers, body from potter.idempotency_keys where scope = $1 and key = $2`;

/** Puts the answer to a key taken by the same transaction. */
export const COMPLETE = `
update potter.idempotency_keys set status = $3, headers = $4, body = $5 where scope = $1 and key = $2`;

/** How long the transaction waits for locks from now on. */
export const WAIT = `select set_config('lock_timeout', $1, true)`;

/** The answers under many keys. Looked up one by one, whatever the planner thinks of the table's size. */
export const READ_ALL = `
select known.scope, known.key, known.fingerprint, known.status, known.headers, known.body
  from unnest($1::text[], $2::text[]) as r (scope, key)
 cross join lateral (
   select * from potter.idempotency_keys k where k.scope = r.scope and k.key = r.key limit 1) known`;

/**
 * Puts the answers to many keys taken by the same transaction. They are all there: as a conflict each is found by its
 * index, where a join might read the whole table.
 */
export const COMPLETE_ALL = `
insert into potter.idempotency_keys (scope, key, fingerprint, status, headers, body, expires_at)
select r.scope, r.key, r.fingerprint, r.status, r.headers::json, r.body, now()
  from unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[])
    as r (scope, key, fingerprint, status, headers, body)
on conflict on constraint idempotency_keys_pkey do update
   set status = excluded.status, headers = excluded.headers, body = excluded.body`;

/** Gives back a key taken by the same transaction. */
export const RELEASE = 'delete from potter.idempotency_keys where scope = $1 and key = $2';

/** Forgets some keys past their time. Rows that somebody works on are left for the next time. */
export const SWEEP = `
delete from potter.idempotency_keys
 where ctid = any (array(
   select ctid from potter.idempotency_keys where expires_at <= now()
    order by expires_at limit $1 for update skip locked))`;
