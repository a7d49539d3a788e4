import type { GeneratorError, GeneratorErrorCode } from '../engine/generator-error.ts';
import type { FileAction } from '../engine/plan.ts';

/** What `--json` prints, whatever happens; described by result.schema.json, which ships in the package. */
export interface Result {
  readonly schemaVersion: 1;
  readonly ok: boolean;
  readonly command: 'create' | 'list';
  readonly dryRun: boolean;
  readonly example: string | null;
  readonly options: ResultOptions | null;
  /** Absolute path of the project. */
  readonly dir: string | null;
  readonly files: readonly ResultFile[];
  /** What to type next, in order. */
  readonly next: readonly string[];
  readonly warnings: readonly string[];
  readonly error: ResultError | null;
  /** Filled by `--list`. */
  readonly examples: readonly ResultExample[];
}

export interface ResultOptions {
  readonly name: string;
  readonly packageName: string;
  readonly packageManager: string;
  readonly runtime: string;
  readonly install: boolean;
  readonly git: boolean;
}

export interface ResultFile {
  readonly path: string;
  readonly action: FileAction;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ResultError {
  readonly code: GeneratorErrorCode;
  readonly exitCode: number;
  readonly message: string;
  readonly hint: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface ResultExample {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly features: readonly string[];
}

export const EMPTY_RESULT: Result = {
  schemaVersion: 1,
  ok: true,
  command: 'create',
  dryRun: false,
  example: null,
  options: null,
  dir: null,
  files: [],
  next: [],
  warnings: [],
  error: null,
  examples: [],
};

export function resultError(error: GeneratorError): ResultError {
  return {
    code: error.code,
    exitCode: error.exitCode,
    message: error.message,
    hint: error.hint ?? null,
    details: error.details,
  };
}
