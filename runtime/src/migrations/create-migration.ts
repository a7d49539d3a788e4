import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PotterError } from '../errors/potter-error.ts';

const NAME = /^[a-z0-9]+(?:[_-][a-z0-9]+)*$/i;

const TEXT = `-- Up Migration


-- Down Migration

`;

/**
 * Makes an empty migration and returns its path. Its number is the time in UTC, so that files made on different
 * branches get different ones.
 * @throws PotterError `INVALID_ARGUMENT` when the name is anything but words of letters and digits.
 */
export async function createMigration(
  directory: string,
  name: string,
  now: Date = new Date(),
): Promise<string> {
  if (!NAME.test(name) || name.length > 80) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `'${name.slice(0, 80)}' is not a name for a migration.`,
      remedy: 'Use up to 80 letters, digits and underscores, such as add_customer_email.',
      details: { name },
    });
  }
  await mkdir(directory, { recursive: true });
  const number = now.toISOString().replace(/\D/g, '').slice(0, 14);
  const path = join(directory, `${number}_${name}.sql`);
  await writeFile(path, TEXT, { flag: 'wx' });
  return path;
}
