import type { Logger } from '../foundation/logger.ts';
import { createMigrator, type Migrator } from './migrator.ts';
import { readProjectSettings } from './project-settings.ts';

/**
 * The migrator of the project in the current folder, as `potter-migrate` has it: the parts of the runtime that its
 * package.json names (`"potter": { "schema": […] }`), then its own `migrations/`.
 * @throws PotterError `INVALID_CONFIGURATION` when package.json cannot be used.
 */
export async function projectMigrator(options: {
  readonly databaseUrl: string;
  /** Told what is applied. Default: nobody. */
  readonly logger?: Logger;
}): Promise<Migrator> {
  const { components } = await readProjectSettings();
  return createMigrator({ ...options, components });
}
