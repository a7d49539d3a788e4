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

/** The answer under a key that is taken. */
export const READ = `
select fingerprint, status, headers, body from potter.idempotency_keys where scope = $1 and key = $2`;

/** Puts the answer to a key taken by the same transaction. */
export const COMPLETE = `
update potter.idempotency_keys set status = $3, headers = $4, body = $5 where scope = $1 and key = $2`;

/** Forgets some keys past their time. Rows that somebody works on are left for the next time. */
export const SWEEP = `
delete from potter.idempotency_keys
 where ctid = any (array(
   select ctid from potter.idempotency_keys where expires_at <= now()
    order by expires_at limit $1 for update skip locked))`;
