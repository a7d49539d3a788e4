/**
 * Why the domain says no:
 * - `conflict`: the thing is in the wrong state for this (HTTP 409),
 * - `rule`: the request breaks a rule whatever the state (HTTP 422),
 * - `not-found`: the thing it is about does not exist (HTTP 404).
 */
export type RejectionKind = 'conflict' | 'rule' | 'not-found';

/** Options of a rejection. */
export interface RejectionOptions {
  /** Default `rule`. */
  readonly kind?: RejectionKind;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * An expected refusal by the domain: not a defect and not worth a retry. A saga step that throws one is compensated
 * at once, a command handler that throws one answers its caller with the code.
 * The code belongs to the domain (`INSUFFICIENT_FUNDS`), in SCREAMING_SNAKE case.
 */
export class Rejection<Code extends string = string> extends Error {
  override readonly name = 'Rejection';
  readonly code: Code;
  readonly kind: RejectionKind;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: RejectionOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = options.kind ?? 'rule';
    this.details = options.details ?? {};
  }
}

/** Whether a thrown value, of any kind, is a Rejection, optionally one with this code. */
export function isRejection<Code extends string>(
  value: unknown,
  code?: Code,
): value is Rejection<Code> {
  return value instanceof Rejection && (code === undefined || value.code === code);
}
