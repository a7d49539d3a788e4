/**
 * Every error the runtime throws carries one of these codes. The set is closed: a new failure gets a new entry here, and
 * `npm run docs` writes meaning and remedy into docs/errors.md. By area, from the bottom up.
 */
export const ERROR_CODES = {
  // Everything
  INVALID_ARGUMENT: {
    meaning: 'A value handed to the runtime is not of the documented form.',
    remedy: 'Correct the value; the message names it and the form it should have.',
  },
  INVALID_CONFIGURATION: {
    meaning: 'An environment variable or option has a value that cannot be used.',
    remedy: 'Set the variable or option to a value that the message accepts, and start again.',
  },
  ABORTED: {
    meaning: 'The caller gave up waiting: its AbortSignal fired.',
    remedy:
      'Nothing, when the wait was given up on purpose; otherwise find out who fired the signal (the cause has its reason).',
  },
  TIMEOUT: {
    meaning: 'Something took longer than the time it was given.',
    remedy: 'Try again; when it happens often, find out what is slow before raising the limit.',
  },
  CLOSED: {
    meaning: 'The object was closed before or while it was used.',
    remedy: 'Close things last: stop what uses them first.',
  },
  OVERLOADED: {
    meaning: 'So much work waits in this process already that no more is taken.',
    remedy: 'Try again in a moment; when it lasts, add processes or slow the callers down.',
  },
  SERIALIZATION_FAILED: {
    meaning: 'A value could not be turned into JSON, or stored JSON could not be read back.',
    remedy: 'Store plain data only; the cause says which value was in the way.',
  },
  // Database
  DATABASE_UNAVAILABLE: {
    meaning: 'The database refused the connection, or broke it.',
    remedy:
      'Check that the server runs and that the address is right, then try again. What was not acknowledged may or may not have been committed: repeat it with the same idempotency key.',
  },
  REMOTE_UNAVAILABLE: {
    meaning: 'Another service that this one needs does not answer, or answers that it cannot.',
    remedy:
      'Check that it runs and that its address is right, then try again. What it was asked to do may or may not have been done: repeat it with the same key.',
  },
  DATABASE_ERROR: {
    meaning: 'The database answered a statement with an error that has no better code.',
    remedy: 'Look up the SQLSTATE in the details; the cause is the driver’s own error.',
  },
  EMBEDDED_DATABASE_FAILED: {
    meaning: 'The embedded database did not start or stop.',
    remedy:
      'Follow the remedy in the message; the server’s last words are in the details and in `.potter/postgres.log`.',
  },
  MIGRATION_FAILED: {
    meaning: 'A migration could not be read or applied.',
    remedy:
      'Correct the file the message names and run `potter-migrate up` again: what failed was rolled back.',
  },
  MIGRATIONS_PENDING: {
    meaning: 'The database lacks migrations that this program needs.',
    remedy: 'Run `npm run migrate -- up`.',
  },
  // Event store
  CONCURRENCY_CONFLICT: {
    meaning: 'A stream is not at the version the writer expected.',
    remedy: 'Load the current state, decide again, and append to the version found.',
  },
  EVENT_ID_CONFLICT: {
    meaning: 'Some, but not all, ids of a batch are already in the stream.',
    remedy: 'Give new events new ids; to repeat an append, repeat all of it with the same ids.',
  },
  IMPORT_TARGET_NOT_EMPTY: {
    meaning: 'A bulk import found events in the store.',
    remedy: 'Import into an empty store, or say that adding to the events there is meant.',
  },
  UNKNOWN_EVENT_TYPE: {
    meaning: 'A stored event has a type that no handler or upcaster knows.',
    remedy: 'Give the type a case, or an upcaster that renames or drops it: what is stored stays.',
  },
  INVALID_UPCASTER_CHAIN: {
    meaning: 'The registered upcasters have a gap, a cycle or a duplicate.',
    remedy: 'Make every old version lead to the current one, once.',
  },
  // Projections
  PROJECTION_NOT_FOUND: {
    meaning: 'No projection with this name is among those that this process knows.',
    remedy: 'Check the name; the message lists those there are.',
  },
  PROJECTION_SUPERSEDED: {
    meaning: 'The rows of a projection were built by a newer version of it than this process has.',
    remedy: 'Ask a process of the newer version, or deploy it here.',
  },
  PROJECTION_TABLES_REFERENCED: {
    meaning:
      'The tables of a projection cannot be rebuilt beside themselves: views or foreign keys refer to the live ones.',
    remedy: 'Drop what refers to them for the time of the rebuild; the message names it.',
  },
  // Buses
  HANDLER_NOT_FOUND: {
    meaning: 'No handler is registered for this command or query.',
    remedy: 'Register a handler for the type, or correct the type.',
  },
  HANDLER_EXISTS: {
    meaning: 'A second handler was registered for the same command or query.',
    remedy: 'Keep one handler a type.',
  },
  // Sagas
  SAGA_DEFINITION_INVALID: {
    meaning: 'A saga definition breaks a rule of the builder.',
    remedy: 'Change the definition as the message says.',
  },
  SAGA_DEFINITION_UNKNOWN: {
    meaning: 'A saga asks for a definition or version that this process has not registered.',
    remedy:
      'Register the definition in that version as well: sagas in flight end on the version they began with.',
  },
  SAGA_DEFINITION_CHANGED: {
    meaning:
      'A saga was begun by another form of the definition that now has its name and version.',
    remedy:
      'Give the changed definition a new version and keep the old one registered, then resume the saga.',
  },
  SAGA_NOT_FOUND: {
    meaning: 'There is no saga with this id.',
    remedy: 'Check the id.',
  },
  SAGA_ALREADY_EXISTS: {
    meaning: 'A saga with this id was started with another definition or input.',
    remedy: 'Use another id for another saga.',
  },
  SAGA_ALREADY_FINISHED: {
    meaning: 'The saga is over and takes no further commands.',
    remedy: 'Nothing: the saga is over.',
  },
  SAGA_NOT_RESUMABLE: {
    meaning: 'Only a saga that gave up or was paused can be resumed.',
    remedy: 'Look at the status: only `failed` and paused sagas wait for a resume.',
  },
  SAGA_ABANDONED: {
    meaning:
      "This step was left as it was: its saga ended (`onCompensationFailure: 'fail'`) when the undo of another step gave up.",
    remedy: 'Put right by hand what remains, or ask for the saga to be undone: it is tried again.',
  },
  SAGA_CANCELLED: {
    meaning: 'Somebody asked for this saga to be cancelled.',
    remedy: 'Nothing: it was asked for.',
  },
  SAGA_TIMED_OUT: {
    meaning: 'The saga took longer than its definition allows.',
    remedy: 'Look in the history for the step that took the time.',
  },
  SAGA_STEP_TIMED_OUT: {
    meaning: 'A step took longer than its definition allows.',
    remedy: 'Find out why the participant is slow; its effect may have happened, so it was undone.',
  },
  SAGA_STEP_INTERRUPTED: {
    meaning: 'The process that ran a step died before the result was stored.',
    remedy:
      'Nothing: the step is tried again with the same key. When it happens to the same step again and again, that step kills its process.',
  },
  SAGA_STEP_SKIPPED: {
    meaning: 'A step was passed over; the message says why.',
    remedy: 'Nothing: the message has the reason.',
  },
  SAGA_BRANCH_STOPPED: {
    meaning: 'Another of several parallel branches failed, and this one was told to stop.',
    remedy: 'Look at the branch that failed first.',
  },
  SAGA_SIGNAL_TIMED_OUT: {
    meaning: 'A saga waited for a signal that did not come in time.',
    remedy: 'Find out why nobody sent it, or give it more time.',
  },
  SAGA_PAST_PIVOT: {
    meaning: 'The saga is at or past its point of no return and goes forward only.',
    remedy:
      'Let it complete. When it fails after its pivot, resume it, skip the step, or force it back.',
  },
  SAGA_STEP_UNKNOWN: {
    meaning: 'The definition of the saga has no such step.',
    remedy: 'Use the name of a step as the diagram or the history shows it.',
  },
  SAGA_OPERATION_REFUSED: {
    meaning: 'What was asked for is not possible in the present state of the saga.',
    remedy: 'Do what the message says first, mostly: pause the saga.',
  },
  SAGA_REWOUND: {
    meaning: 'Somebody asked for this saga to go back to an earlier step and on from there.',
    remedy: 'Nothing: it was asked for.',
  },
  SAGA_UNDONE: {
    meaning: 'The saga was completed and then undone, because somebody asked for it.',
    remedy: 'Nothing: it was asked for.',
  },
  SAGA_LEASE_LOST: {
    meaning: 'Another process took the saga over; this one may no longer write it.',
    remedy:
      'Nothing, when it is rare: the other process goes on. When it is not, the process is starved, or its lease too short.',
  },
  FENCED: {
    meaning: 'A participant call arrived after it had been undone, or twice.',
    remedy: 'Nothing: the late call was refused, as it should be.',
  },
  // Two-phase commit
  TWO_PHASE_TRANSACTION_NOT_FOUND: {
    meaning: 'The log of the coordinator has no transaction with this id.',
    remedy: 'Check the id, and that this is the database of the coordinator that began it.',
  },
  TWO_PHASE_TRANSACTION_CHANGED: {
    meaning: 'A transaction with this id was begun with other branches or other work.',
    remedy: 'Use another id for another transaction.',
  },
  TWO_PHASE_PARTICIPANT_UNKNOWN: {
    meaning: 'A transaction has a branch at a participant that this process was not given.',
    remedy:
      'Give the participant to the coordinator, also when new transactions no longer use it: prepared work waits for an answer.',
  },
  TWO_PHASE_PARTICIPANT_FAILED: {
    meaning: 'A participant of a two-phase commit did not answer, or not as agreed.',
    remedy:
      'Nothing, when it passes: an undecided transaction is aborted, a decided one is told again and again. The cause says what came.',
  },
  TWO_PHASE_ABORTED: {
    meaning: 'A transaction was aborted because somebody asked for it.',
    remedy: 'Nothing: it was asked for. To try the work again, use a new id.',
  },
  TWO_PHASE_PRESUMED_ABORT: {
    meaning:
      'A transaction was aborted because nothing was decided and its process was not heard of any more.',
    remedy:
      'To try the work again, use a new id. When it is often so, processes take longer to come back than `presumeAbortAfter`.',
  },
  TWO_PHASE_ALREADY_DECIDED: {
    meaning: 'A transaction or branch was decided the other way, and a decision is never changed.',
    remedy: 'Compensate what was done, if that is not what is wanted.',
  },
  TWO_PHASE_NOT_PREPARED: {
    meaning:
      'A transaction was to be committed by hand, but not all of its participants are prepared.',
    remedy: 'Abort it, or ask again when the participants that the message names can be reached.',
  },
  TWO_PHASE_BRANCH_LOST: {
    meaning:
      'A participant is told to commit what it does not hold: its prepared work was taken back by hand, or its database was restored.',
    remedy:
      'Repair its data by hand, then resolve the transaction with this participant written off.',
  },
  PREPARED_TRANSACTIONS_DISABLED: {
    meaning: 'The PostgreSQL server of a participant does not allow prepared transactions.',
    remedy:
      'Set `max_prepared_transactions` to at least the number of connections of all coordinators (for instance 100), and restart the server.',
  },
  // HTTP
  MALFORMED_JSON: {
    meaning: 'The request body is not JSON.',
    remedy: 'Send JSON (RFC 8259) in UTF-8.',
  },
  VALIDATION_FAILED: {
    meaning: 'The request is well-formed, but a value in it breaks a rule.',
    remedy: 'Correct the values that `errors` lists.',
  },
  NOT_FOUND: {
    meaning: 'There is nothing under this address.',
    remedy: 'Check the address, or the id in it.',
  },
  BAD_REQUEST: {
    meaning: 'The request is not valid HTTP: its address or a header cannot be read.',
    remedy: 'Correct the request line, the encoding of the address, or the header.',
  },
  METHOD_NOT_ALLOWED: {
    meaning: 'This address exists, but not for this method.',
    remedy: 'Use a method of the `Allow` header.',
  },
  URI_TOO_LONG: {
    meaning: 'The address of the request is longer than the limit.',
    remedy: 'Shorten the address.',
  },
  HEADERS_TOO_LARGE: {
    meaning: 'The headers of the request are larger than the limit.',
    remedy: 'Send fewer or shorter headers.',
  },
  PAYLOAD_TOO_LARGE: {
    meaning: 'The request body is larger than the limit.',
    remedy: 'Send less, or several requests.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    meaning: 'The request body has a content type that is not accepted.',
    remedy: 'Send `Content-Type: application/json`.',
  },
  PRECONDITION_FAILED: {
    meaning: 'The If-Match header names a version that is not the current one.',
    remedy: 'Read the thing again and decide with its new `ETag`.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    meaning: 'The same Idempotency-Key came with a different request.',
    remedy: 'Use a new key for a new request; repeat a request unchanged.',
  },
  IDEMPOTENCY_KEY_IN_USE: {
    meaning: 'The first request with this Idempotency-Key is still at work after the longest wait.',
    remedy: 'Repeat the request, unchanged, in a moment.',
  },
  ADDRESS_UNAVAILABLE: {
    meaning: 'The service cannot listen on this host and port.',
    remedy: 'Choose another port, or stop what listens there; `PORT=0` takes any free one.',
  },
  SHUTTING_DOWN: {
    meaning: 'The service is stopping and takes no new work.',
    remedy: 'Repeat the request: another process, or the next start, takes it.',
  },
  INTERNAL_ERROR: {
    meaning: 'Something failed that nobody foresaw; the log has the cause.',
    remedy: 'Look in the log for the same time or request id; the cause is there, whole.',
  },
} as const;

/** One of the closed set of codes; see docs/errors.md for meaning and remedy. */
export type PotterErrorCode = keyof typeof ERROR_CODES;
