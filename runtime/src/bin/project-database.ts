import { relative } from 'node:path';
import { startEmbeddedPostgres } from '../embedded/embedded-postgres.ts';
import { PotterError } from '../errors/potter-error.ts';
import { assertDatabaseUrl, databaseTarget } from '../foundation/database-url.ts';
import type { Logger } from '../foundation/logger.ts';

/** The database of the project in the current folder. */
export interface ProjectDatabase {
  readonly url: string;
  readonly kind: 'embedded' | 'external';
  /** For people: which server it is, and where its data. */
  readonly description: string;
  close(): Promise<void>;
}

/**
 * The database that `DATABASE_URL` names or, when it is not set, the project's embedded one in `.potter/`.
 * In production nobody means the embedded one: there a missing variable is an error.
 */
export async function openProjectDatabase(logger: Logger): Promise<ProjectDatabase> {
  const url = process.env['DATABASE_URL'] ?? '';
  if (url !== '') {
    assertDatabaseUrl(url);
    const description = databaseTarget(url);
    return { url, kind: 'external', description, close: () => Promise.resolve() };
  }
  if (process.env['NODE_ENV'] === 'production') {
    throw new PotterError('INVALID_CONFIGURATION', {
      message: 'DATABASE_URL is not set, and NODE_ENV is production.',
      remedy: 'Set it to postgres://user:password@host:5432/database.',
      details: { variable: 'DATABASE_URL' },
    });
  }
  const server = await startEmbeddedPostgres({ directory: '.potter', logger });
  const short = relative(process.cwd(), server.dataDirectory);
  const folder = short.startsWith('..') ? server.dataDirectory : short;
  return {
    url: server.url,
    kind: 'embedded',
    description: `PostgreSQL ${server.version} on 127.0.0.1:${server.port}, data in ${folder}`,
    close: () => server.stop(),
  };
}
