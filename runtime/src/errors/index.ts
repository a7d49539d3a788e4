/** Errors: what the runtime throws (PotterError), what a domain refuses (Rejection), and the closed set of codes. */
export { ERROR_CODES, type PotterErrorCode } from './error-codes.ts';
export { PotterError, isPotterError, type PotterErrorOptions } from './potter-error.ts';
export { Rejection, isRejection, type RejectionKind, type RejectionOptions } from './rejection.ts';
export { describeError, type ErrorDescription } from './describe-error.ts';
