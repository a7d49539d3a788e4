import type { PotterErrorCode } from '../../errors/error-codes.ts';
import type { RejectionKind } from '../../errors/rejection.ts';

/** The one table from refusals of the domain to HTTP. */
export const REJECTION_STATUS: Readonly<Record<RejectionKind, number>> = {
  conflict: 409,
  rule: 422,
  'not-found': 404,
};

/** The one table from errors of the runtime to HTTP. A code that is not here is a defect or an outage: 500. */
export const ERROR_STATUS: Readonly<Partial<Record<PotterErrorCode, number>>> = {
  MALFORMED_JSON: 400,
  BAD_REQUEST: 400,
  NOT_FOUND: 404,
  SAGA_NOT_FOUND: 404,
  PROJECTION_NOT_FOUND: 404,
  TWO_PHASE_TRANSACTION_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONCURRENCY_CONFLICT: 409,
  EVENT_ID_CONFLICT: 409,
  IDEMPOTENCY_KEY_IN_USE: 409,
  SAGA_DEFINITION_UNKNOWN: 409,
  SAGA_ALREADY_EXISTS: 409,
  SAGA_ALREADY_FINISHED: 409,
  SAGA_NOT_RESUMABLE: 409,
  SAGA_PAST_PIVOT: 409,
  PROJECTION_SUPERSEDED: 409,
  PROJECTION_TABLES_REFERENCED: 409,
  FENCED: 409,
  TWO_PHASE_TRANSACTION_CHANGED: 409,
  TWO_PHASE_ALREADY_DECIDED: 409,
  TWO_PHASE_BRANCH_LOST: 409,
  TWO_PHASE_NOT_PREPARED: 409,
  SAGA_OPERATION_REFUSED: 409,
  PRECONDITION_FAILED: 412,
  PAYLOAD_TOO_LARGE: 413,
  URI_TOO_LONG: 414,
  UNSUPPORTED_MEDIA_TYPE: 415,
  INVALID_ARGUMENT: 422,
  IDEMPOTENCY_KEY_REUSED: 422,
  VALIDATION_FAILED: 422,
  SAGA_STEP_UNKNOWN: 422,
  HEADERS_TOO_LARGE: 431,
  ABORTED: 503,
  CLOSED: 503,
  DATABASE_UNAVAILABLE: 503,
  REMOTE_UNAVAILABLE: 503,
  OVERLOADED: 503,
  TIMEOUT: 503,
  MIGRATIONS_PENDING: 503,
  SHUTTING_DOWN: 503,
};

/** How long a client is asked to wait, in seconds, where trying again may help. */
export const RETRY_AFTER_SECONDS: Readonly<Partial<Record<PotterErrorCode, number>>> = {
  IDEMPOTENCY_KEY_IN_USE: 1,
  DATABASE_UNAVAILABLE: 2,
  REMOTE_UNAVAILABLE: 2,
  MIGRATIONS_PENDING: 5,
  OVERLOADED: 1,
  SHUTTING_DOWN: 1,
};

/** What Fastify itself refuses, in our words. */
export const FASTIFY_ERRORS: Readonly<
  Record<string, { readonly code: PotterErrorCode; readonly detail: string }>
> = {
  FST_ERR_BAD_URL: { code: 'BAD_REQUEST', detail: 'The address is not correctly percent-encoded.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'URI_TOO_LONG', detail: 'A part of the address is too long.' },
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'PAYLOAD_TOO_LARGE', detail: 'The body is too large.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'BAD_REQUEST',
    detail: 'The body is not as long as its Content-Length says.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'UNSUPPORTED_MEDIA_TYPE',
    detail: 'The body must be sent as application/json.',
  },
};
