/**
 * Whether anybody listens on a channel, known to a writer inside its transaction. A session that listens holds an
 * advisory lock of the channel, shared. A writer that gets the same lock for itself, without waiting, has met no listener,
 * and holds it until its commit is visible: who wants to listen meanwhile waits that long, and then finds what was
 * written by looking. A writer that does not get it has met a listener, or another writer, and notifies. So none is missed,
 * and the worst is a notification too many.
 */

/** Advisory locks of two numbers: this one, the bytes of `pott`, and a hash of the channel. */
const LOCKS = 0x70_6f_74_74;

const key = (channel: string): string => `${LOCKS}, hashtext('${channel}')`;

/** A listener's statement after LISTEN. It waits for writers, so they must be short. */
export function lockAsListenerSql(channel: string): string {
  return `select pg_advisory_lock_shared(${key(channel)})`;
}

/** A listener's statement with UNLISTEN; the end of its session does the same. */
export function unlockAsListenerSql(channel: string): string {
  return `select pg_advisory_unlock_shared(${key(channel)})`;
}

/** A writer's expression, evaluated once a statement: the text `false` when a NOTIFY after the commit would be for nobody. */
export function isHeardSql(channel: string): string {
  return `(select (not pg_try_advisory_xact_lock(${key(channel)}))::text)`;
}
