import type { PotterErrorCode } from './error-codes.ts';

/** What an error is made of besides its code. */
export interface PotterErrorOptions {
  /** What happened and with which values, one sentence, no code in it. */
  readonly message: string;
  /** What the reader should do next. One sentence. */
  readonly remedy?: string;
  /** The values that matter, for logs and for programs that react to the error. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The error underneath, kept whole. */
  readonly cause?: unknown;
}

/**
 * A failure that the runtime foresaw. The code is part of the message, so that it is visible wherever the message is.
 * Broken rules and failed infrastructure throw this; a refusal by the domain is a {@link Rejection}.
 */
export class PotterError extends Error {
  override readonly name: string = 'PotterError';
  readonly code: PotterErrorCode;
  readonly remedy: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: PotterErrorCode, options: PotterErrorOptions) {
    const remedy = options.remedy === undefined ? '' : ` ${options.remedy}`;
    super(
      `[${code}] ${options.message}${remedy}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.remedy = options.remedy;
    this.details = options.details ?? {};
  }
}

/** Whether a thrown value, of any kind, is a PotterError, optionally one with this code. Does not look at causes. */
export function isPotterError(value: unknown, code?: PotterErrorCode): value is PotterError {
  return value instanceof PotterError && (code === undefined || value.code === code);
}
