import { PotterError } from '../errors/potter-error.ts';

/**
 * Checks the form of a database URL.
 * @throws PotterError `INVALID_CONFIGURATION`
 */
export function assertDatabaseUrl(url: string, variable = 'DATABASE_URL'): void {
  const problem = problemOf(url);
  if (problem === undefined) return;
  throw new PotterError('INVALID_CONFIGURATION', {
    message: `${variable} ${problem}.`,
    remedy: 'Its form is postgres://user:password@host:5432/database.',
    details: { variable },
  });
}

/** Whether a text has the form of a database URL. */
export function isDatabaseUrl(text: string): boolean {
  return problemOf(text) === undefined;
}

function problemOf(url: string): string | undefined {
  if (url.trim() === '') return 'is empty';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return 'is not a URL (a password with special characters must be percent-encoded)';
  }
  if (!['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    return `starts with '${parsed.protocol}//' where 'postgres://' is expected`;
  }
  if (parsed.hostname === '' && !parsed.searchParams.has('host')) return 'names no host';
  if (parsed.port === '0') return 'has port 0';
  if (parsed.pathname.length < 2) return 'names no database';
  try {
    decodeURIComponent(parsed.username + parsed.password + parsed.pathname);
  } catch {
    return "has a '%' that is not part of a percent-encoded character";
  }
  return undefined;
}

/** The server a URL names, as `host:port/database`, without user and password. */
export function databaseTarget(url: string): string {
  const parsed = tryParse(url);
  if (parsed === undefined) return 'the database';
  return `${parsed.hostname || 'localhost'}:${parsed.port || '5432'}${parsed.pathname}`;
}

function tryParse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}
