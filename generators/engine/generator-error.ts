/**
 * Every way the generator can fail, with the exit code of the process. The set is closed; docs/generator.md explains each
 * and a test compares the two.
 *
 * 1 internal · 2 usage · 3 the target cannot take the project · 4 an answer is needed · 5 written, but a later step failed ·
 * 6 merge conflicts left (for `update`).
 */
export const GENERATOR_ERRORS = {
  INTERNAL: 1,
  TEMPLATE_INVALID: 1,
  UNSUPPORTED_NODE: 2,
  UNKNOWN_OPTION: 2,
  INVALID_OPTION: 2,
  TOO_MANY_ARGUMENTS: 2,
  UNKNOWN_EXAMPLE: 2,
  INVALID_NAME: 2,
  INVALID_RUNTIME: 2,
  TARGET_NOT_EMPTY: 3,
  TARGET_UNUSABLE: 3,
  ANSWER_NEEDED: 4,
  CANCELLED: 4,
  INSTALL_FAILED: 5,
} as const satisfies Readonly<Record<string, number>>;

export type GeneratorErrorCode = keyof typeof GENERATOR_ERRORS;

export interface GeneratorErrorOptions {
  /** What happened, with which values. */
  readonly message: string;
  /** What to type or change next. */
  readonly hint?: string;
  /** Machine-readable values, e.g. the list of files in the way. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** A failure the generator foresaw: shown as one line and a hint, never as a stack trace. */
export class GeneratorError extends Error {
  override readonly name: string = 'GeneratorError';
  readonly code: GeneratorErrorCode;
  readonly exitCode: number;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: GeneratorErrorCode, options: GeneratorErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.exitCode = GENERATOR_ERRORS[code];
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}
