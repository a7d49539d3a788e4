import { isPotterError, PotterError } from '../errors/potter-error.ts';
import { isRejection } from '../errors/rejection.ts';

/** What the driver and Node put on errors, as far as it is looked at here. */
interface DriverError extends Error {
  readonly code?: unknown;
  readonly severity?: unknown;
  readonly constraint?: unknown;
  readonly table?: unknown;
  readonly column?: unknown;
  readonly address?: unknown;
  readonly hostname?: unknown;
  readonly port?: unknown;
}

const SQL_STATE = /^[0-9A-Z]{5}$/;

/** Node's codes for "nobody answers there" and "the line went dead". */
const NETWORK_CODES = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * Shut down by an administrator, crashed, starting up, out of connections, session ended in the middle of a transaction that
 * said nothing for too long; class 08 is about connections too.
 */
const UNAVAILABLE_STATES = new Set(['57P01', '57P02', '57P03', '53300', '25P03']);

/** Why a server takes no connection: wrong password, no such user, no such database. Statements may be answered so too, but not FATAL. */
const REFUSED_STATES = new Set(['28P01', '28000', '3D000']);

/** The driver gives no code to these. */
const UNAVAILABLE_MESSAGES =
  /^(Connection terminated|timeout e?xceeded when trying to connect|Connection terminated due to|Client has encountered a connection error|Client was closed|The client was closed)/i;

const POOL_CLOSED = /^Cannot use a pool after calling end/;

/** What to do about the states that are somebody's mistake rather than the statement's. */
const REMEDIES: Readonly<Record<string, string>> = {
  '28P01': 'Check user and password in DATABASE_URL.',
  '28000': 'Check the user in DATABASE_URL and what the server lets it do.',
  '3D000': 'Create the database, or check its name in DATABASE_URL.',
  '42P01': 'Apply the migrations: npm run migrate -- up.',
  '3F000': 'Apply the migrations: npm run migrate -- up.',
};

/**
 * Turns what the driver threw into a PotterError: `DATABASE_UNAVAILABLE` when the server cannot be reached, took no
 * connection or broke it, `CLOSED` when the pool was closed, `DATABASE_ERROR` with the SQLSTATE for everything a statement was
 * answered with. Errors that are not the driver's come back as they are, so that it can stand around any work.
 * @param target where the server is, as `databaseTarget` writes it: never with a password.
 */
export function translatePostgresError(error: unknown, target?: string): unknown {
  if (isPotterError(error) || isRejection(error)) return error;
  for (const link of chain(error)) {
    const translated = translateOne(link, error, target);
    if (translated !== undefined) return translated;
  }
  return error;
}

/** The SQLSTATE underneath an error, for instance `23505` (unique violation); undefined when there is none. */
export function sqlStateOf(error: unknown): string | undefined {
  for (const link of chain(error)) {
    const state = ownState(link);
    if (state !== undefined) return state;
  }
  return undefined;
}

function translateOne(link: DriverError, whole: unknown, target?: string): PotterError | undefined {
  const state = ownState(link);
  if (state !== undefined && !isAboutConnections(link, state)) {
    return new PotterError('DATABASE_ERROR', {
      message: `The database answered ${state}: ${link.message}.`,
      ...(REMEDIES[state] === undefined ? {} : { remedy: REMEDIES[state] }),
      details: { sqlState: state, ...named(link) },
      cause: whole,
    });
  }
  if (POOL_CLOSED.test(link.message)) {
    return new PotterError('CLOSED', { message: 'The connection pool was closed.', cause: whole });
  }
  const isDown =
    state !== undefined ||
    NETWORK_CODES.has(String(link.code)) ||
    UNAVAILABLE_MESSAGES.test(link.message);
  if (!isDown) return undefined;
  const where = target ?? addressOf(link) ?? 'the database';
  return new PotterError('DATABASE_UNAVAILABLE', {
    message: `No connection to ${where}: ${reason(link, state)}.`,
    remedy: REMEDIES[state ?? ''] ?? 'Check that the server runs and that DATABASE_URL names it.',
    details: { target: where, ...(state === undefined ? {} : { sqlState: state }) },
    cause: whole,
  });
}

function isAboutConnections({ severity }: DriverError, state: string): boolean {
  if (REFUSED_STATES.has(state)) return severity === 'FATAL';
  return UNAVAILABLE_STATES.has(state) || state.startsWith('08');
}

/** The error, what caused it, and the parts of an AggregateError (one per address of a host name). */
function* chain(error: unknown): Generator<DriverError> {
  const seen = new Set<unknown>();
  const waiting: unknown[] = [error];
  while (waiting.length > 0) {
    const next = waiting.shift();
    if (!(next instanceof Error) || seen.has(next)) continue;
    seen.add(next);
    yield next;
    waiting.push(next.cause, ...(next instanceof AggregateError ? next.errors : []));
  }
}

function ownState(error: DriverError): string | undefined {
  const { code } = error;
  // Node has five-letter codes too (EPIPE); the server's errors also have a severity.
  if (typeof code !== 'string' || !SQL_STATE.test(code) || NETWORK_CODES.has(code))
    return undefined;
  return 'severity' in error ? code : undefined;
}

function named(error: DriverError): Record<string, string> {
  const { constraint, table, column } = error;
  return Object.fromEntries(
    Object.entries({ constraint, table, column }).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}

function addressOf(error: DriverError): string | undefined {
  const host = error.address ?? error.hostname;
  if (typeof host !== 'string') return undefined;
  return typeof error.port === 'number' ? `${host}:${error.port}` : host;
}

function reason(error: DriverError, state: string | undefined): string {
  if (state !== undefined) return `${error.message} (${state})`;
  // An AggregateError has no text of its own.
  return error.message === '' ? String(error.code) : error.message;
}
