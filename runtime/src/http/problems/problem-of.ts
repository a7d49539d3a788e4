import { STATUS_CODES } from 'node:http';
import type { PotterErrorCode } from '../../errors/error-codes.ts';
import { isPotterError, PotterError } from '../../errors/potter-error.ts';
import { isRejection, type Rejection } from '../../errors/rejection.ts';
import type { JsonValue } from '../../foundation/json.ts';
import type { Problem } from './problem.ts';
import {
  ERROR_STATUS,
  FASTIFY_ERRORS,
  REJECTION_STATUS,
  RETRY_AFTER_SECONDS,
} from './problem-status.ts';
import { ValidationError } from './validation-error.ts';

/** An error turned into an answer. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the answer depends on besides the error. */
export interface ProblemContext {
  readonly correlationId: string;
  /** The request had an If-Match header: then a lost race is a failed precondition, not a conflict. */
  readonly conditional?: boolean;
}

/** The problem that any thrown value is answered with. Nothing of an unforeseen error gets out. */
export function problemOf(error: unknown, context: ProblemContext): ProblemAnswer {
  if (isRejection(error)) return ofRejection(error);
  if (error instanceof PotterError) return ofPotterError(error, context);
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FASTIFY_ERRORS[code] : undefined;
  if (known !== undefined) {
    return answer(ERROR_STATUS[known.code] ?? 500, known.code, known.detail);
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return answer(statusCode, 'BAD_REQUEST', 'The request cannot be understood.');
  }
  return unforeseen(context);
}

function ofRejection(error: Rejection): ProblemAnswer {
  return answer(
    REJECTION_STATUS[error.kind],
    error.code,
    error.message,
    jsonDetails(error.details),
  );
}

function ofPotterError(error: PotterError, context: ProblemContext): ProblemAnswer {
  if (isPotterError(error, 'CONCURRENCY_CONFLICT') && context.conditional === true) {
    return answer(
      412,
      'PRECONDITION_FAILED',
      'The version that If-Match names is not the current one.',
    );
  }
  if (isUnstorable(error)) {
    return answer(
      422,
      'VALIDATION_FAILED',
      'A value in the request cannot be stored: it is out of range or malformed.',
    );
  }
  const status = ERROR_STATUS[error.code];
  if (status === undefined) return unforeseen(context);
  if (status >= 500)
    return answer(
      status,
      error.code,
      OUTAGES[error.code] ?? 'The service cannot do this just now. Try again.',
      {},
      retryAfter(error),
    );
  const detail = error.message.replace(`[${error.code}] `, '');
  const errors = error instanceof ValidationError ? { errors: error.errors } : {};
  return answer(status, error.code, detail, errors, {
    ...retryAfter(error),
    ...(error.code === 'METHOD_NOT_ALLOWED' ? { allow: String(error.details['allow']) } : {}),
  });
}

/** What is told of an outage. The error's own text may name hosts and tables; that is for the log. */
const OUTAGES: Readonly<Partial<Record<PotterErrorCode, string>>> = {
  DATABASE_UNAVAILABLE:
    'The database does not answer. Nothing was changed, or the change will be found done: try again.',
  REMOTE_UNAVAILABLE: 'Another service that is needed for this does not answer. Try again.',
  MIGRATIONS_PENDING: 'The database is being brought up to date. Try again.',
  CLOSED: 'The service is stopping. Try again: another process may take the request.',
  SHUTTING_DOWN: 'The service is stopping. Try again: another process may take the request.',
};

function unforeseen({ correlationId }: ProblemContext): ProblemAnswer {
  return answer(
    500,
    'INTERNAL_ERROR',
    'Something failed that nobody foresaw. The log has the cause under the correlation id.',
    { correlationId },
  );
}

/** SQLSTATE class 22, data exception: a statement was given a value that its type cannot hold. */
function isUnstorable(error: PotterError): boolean {
  return error.code === 'DATABASE_ERROR' && String(error.details['sqlState']).startsWith('22');
}

function retryAfter(error: PotterError): Record<string, string> {
  const seconds = RETRY_AFTER_SECONDS[error.code];
  return seconds === undefined ? {} : { 'retry-after': String(seconds) };
}

/** Details as far as JSON can carry them; bigint as text. Whatever else a domain puts there is left out. */
function jsonDetails(details: object): Pick<Problem, 'details'> {
  try {
    const json = JSON.stringify(details, bigintAsText);
    if (json === '{}') return {};
    return { details: JSON.parse(json) as { readonly [key: string]: JsonValue } };
  } catch {
    // A cycle, say. The code and the message say enough; losing the answer would be worse.
    return {};
  }
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function answer(
  status: number,
  code: string,
  detail: string,
  extra: Partial<Problem> = {},
  headers: Readonly<Record<string, string>> = {},
): ProblemAnswer {
  const title = STATUS_CODES[status] ?? 'Error';
  return { problem: { type: 'about:blank', title, status, detail, code, ...extra }, headers };
}
