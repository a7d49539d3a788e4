/** Migrations: brings a database to the form a program needs. Needs `node-pg-migrate` and `pg`. */
export {
  createMigrator,
  type MigrateOptions,
  type MigrationStatus,
  type MigrationStep,
  type Migrator,
  type MigratorOptions,
} from './migrator.ts';
export { projectMigrator } from './project-migrator.ts';
export type { MigrationQuery } from './applied-migrations.ts';
export type { MigrationSource } from './migration-file.ts';
export {
  isRuntimeComponent,
  RUNTIME_COMPONENTS,
  type RuntimeComponent,
} from './runtime-components.ts';
