/**
 * Every error the runtime throws carries one of these codes. The set is closed: a new failure gets a new line here,
 * and a test compares this table with docs/errors.md. Keep lines sorted by area, then by name.
 */
export const ERROR_CODES = {
  // Everything
  INVALID_ARGUMENT: 'A value handed to the runtime is not of the documented form.',
  INVALID_CONFIGURATION: 'An environment variable or option has a value that cannot be used.',
  ABORTED: 'The caller gave up waiting: its AbortSignal fired.',
  TIMEOUT: 'Something took longer than the time it was given.',
  CLOSED: 'The object was closed before or while it was used.',
  OVERLOADED: 'So much work waits in this process already that no more is taken.',
  SERIALIZATION_FAILED:
    'A value could not be turned into JSON, or stored JSON could not be read back.',
  // Database
  DATABASE_UNAVAILABLE: 'The database refused the connection, or broke it.',
  DATABASE_ERROR: 'The database answered a statement with an error that has no better code.',
  EMBEDDED_DATABASE_FAILED: 'The embedded database did not start or stop.',
  MIGRATION_FAILED: 'A migration could not be read or applied.',
  MIGRATIONS_PENDING: 'The database lacks migrations that this program needs.',
  // Event store
  CONCURRENCY_CONFLICT: 'A stream is not at the version the writer expected.',
  EVENT_ID_CONFLICT: 'Some, but not all, ids of a batch are already in the stream.',
  IMPORT_TARGET_NOT_EMPTY: 'A bulk import found events in the store.',
  UNKNOWN_EVENT_TYPE: 'A stored event has a type that no handler or upcaster knows.',
  INVALID_UPCASTER_CHAIN: 'The registered upcasters have a gap, a cycle or a duplicate.',
  // Buses
  HANDLER_NOT_FOUND: 'No handler is registered for this command or query.',
  HANDLER_EXISTS: 'A second handler was registered for the same command or query.',
  // Sagas
  SAGA_DEFINITION_INVALID: 'A saga definition breaks a rule of the builder.',
  SAGA_DEFINITION_UNKNOWN:
    'A saga asks for a definition or version that this process has not registered.',
  SAGA_DEFINITION_CHANGED:
    'A saga was begun by another form of the definition that now has its name and version.',
  SAGA_NOT_FOUND: 'There is no saga with this id.',
  SAGA_ALREADY_EXISTS: 'A saga with this id was started with another definition or input.',
  SAGA_ALREADY_FINISHED: 'The saga is over and takes no further commands.',
  SAGA_NOT_RESUMABLE: 'Only a saga whose compensation gave up can be resumed.',
  SAGA_CANCELLED: 'Somebody asked for this saga to be cancelled.',
  SAGA_TIMED_OUT: 'The saga took longer than its definition allows.',
  SAGA_STEP_TIMED_OUT: 'A step took longer than its definition allows.',
  SAGA_STEP_INTERRUPTED: 'The process that ran a step died before the result was stored.',
  SAGA_STEP_SKIPPED: 'A step was passed over; the message says why.',
  SAGA_LEASE_LOST: 'Another process took the saga over; this one may no longer write it.',
  FENCED: 'A participant call arrived after it had been undone, or twice.',
  // HTTP
  MALFORMED_JSON: 'The request body is not JSON.',
  VALIDATION_FAILED: 'The request is well-formed, but a value in it breaks a rule.',
  NOT_FOUND: 'There is nothing under this address.',
  BAD_REQUEST: 'The request is not valid HTTP: its address or a header cannot be read.',
  METHOD_NOT_ALLOWED: 'This address exists, but not for this method.',
  URI_TOO_LONG: 'The address of the request is longer than the limit.',
  HEADERS_TOO_LARGE: 'The headers of the request are larger than the limit.',
  PAYLOAD_TOO_LARGE: 'The request body is larger than the limit.',
  UNSUPPORTED_MEDIA_TYPE: 'The request body has a content type that is not accepted.',
  PRECONDITION_FAILED: 'The If-Match header names a version that is not the current one.',
  IDEMPOTENCY_KEY_REUSED: 'The same Idempotency-Key came with a different request.',
  IDEMPOTENCY_KEY_IN_USE:
    'The first request with this Idempotency-Key is still at work after the longest wait.',
  ADDRESS_UNAVAILABLE: 'The service cannot listen on this host and port.',
  SHUTTING_DOWN: 'The service is stopping and takes no new work.',
  INTERNAL_ERROR: 'Something failed that nobody foresaw; the log has the cause.',
} as const;

/** One of the closed set of codes; see docs/errors.md for meaning and remedy. */
export type PotterErrorCode = keyof typeof ERROR_CODES;
