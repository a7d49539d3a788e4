import type { PostgresPool } from './client.ts';

const targets = new WeakMap<PostgresPool, string>();

/** Remembers where a pool connects to (`host:port/database`), for error messages. */
export function rememberTarget(pool: PostgresPool, target: string): void {
  targets.set(pool, target);
}

/** Where a pool made by `createPool` connects to; undefined for any other pool. */
export function targetOfPool(pool: PostgresPool): string | undefined {
  return targets.get(pool);
}
