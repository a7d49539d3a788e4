import { inspect } from 'node:util';
import { PotterError } from './potter-error.ts';
import { Rejection } from './rejection.ts';

/** The part of an error that may be stored and shown: never a stack, never a cause. */
export interface ErrorDescription {
  readonly code: string;
  readonly message: string;
}

/**
 * Reduces any thrown value to code and message; the message does not repeat the code. Errors of others keep a code of
 * the same form when they have one (`ECONNREFUSED`, `PAYMENT_PROVIDER_DOWN`), else they get `INTERNAL_ERROR`. Never
 * throws, whatever was thrown.
 */
export function describeError(value: unknown): ErrorDescription {
  if (value instanceof PotterError) {
    return { code: value.code, message: value.message.replace(`[${value.code}] `, '') };
  }
  if (value instanceof Rejection) return { code: value.code, message: value.message };
  return { code: ownCode(value) ?? 'INTERNAL_ERROR', message: messageOf(value) };
}

function ownCode(value: unknown): string | undefined {
  if (!(value instanceof Error) || !('code' in value)) return undefined;
  const { code } = value;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,63}$/.test(code) ? code : undefined;
}

function messageOf(value: unknown): string {
  if (value instanceof Error) return value.message === '' ? value.name : value.message;
  if (typeof value === 'string') return value;
  // A thrown object may lack toString, or have one that throws itself.
  const what = Object(value) === value ? Object.prototype.toString.call(value) : inspect(value);
  return `A value that is not an error was thrown: ${what}.`;
}
