import { PotterError } from './potter-error.ts';
import { Rejection } from './rejection.ts';

/** The part of an error that may be stored and shown: never a stack, never a cause. */
export interface ErrorDescription {
  readonly code: string;
  readonly message: string;
}

/** Reduces any thrown value to code and message. Unknown values get `INTERNAL_ERROR`. */
export function describeError(value: unknown): ErrorDescription {
  if (value instanceof PotterError || value instanceof Rejection) {
    return { code: value.code, message: value.message };
  }
  if (value instanceof Error) return { code: 'INTERNAL_ERROR', message: value.message };
  return { code: 'INTERNAL_ERROR', message: String(value) };
}
