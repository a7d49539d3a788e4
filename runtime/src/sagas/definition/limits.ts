import { type Duration, durationMs } from '../../foundation/duration.ts';
import { PotterError } from '../../errors/potter-error.ts';
import type { StartContext } from './lock-keys.ts';
import { invalidDefinition } from './names.ts';

/**
 * How much of a definition runs at once, in all processes of a store together. A saga counts while a process works on it: not
 * before it is taken up, and not while it waits for its lock, a time, a signal or a saga within it for longer than the
 * engine keeps it. So a limit never makes two sagas wait for each other.
 */
export interface SagaLimits<Input = unknown> {
  /** At most so many at once. Default: no limit. */
  readonly concurrency?: number;
  /** Turns: sagas are taken up in turn by these keys, those with the fewest running first, so that a flood of one key starves no other. */
  readonly perKey?: {
    /** By what they take turns: a tenant, an account. */
    key(start: StartContext<Input>): string;
    /** At most so many of one key at once. Default: no limit. */
    readonly concurrency?: number;
  };
  /** At most `count` are begun within any time of the length `per`, by the store's clock. Default: no limit. */
  readonly rate?: { readonly count: number; readonly per: Duration };
}

/** The same as a store takes it; null: no limit. */
export interface ClaimLimits {
  readonly concurrency: number | null;
  readonly perKey: number | null;
  readonly rate: { readonly count: number; readonly perMs: number } | null;
}

/** The limits of a definition as they are kept. */
export interface DefinitionLimits extends ClaimLimits {
  /** The key of a new saga; the same for all when they do not take turns. */
  readonly keyOf: (input: unknown) => string;
}

/** @throws PotterError `SAGA_DEFINITION_INVALID` for a limit that cannot be kept. */
export function definitionLimits(limits: SagaLimits): DefinitionLimits {
  const { perKey, rate } = limits;
  return {
    concurrency: whole('limits.concurrency', limits.concurrency),
    perKey: whole('limits.perKey.concurrency', perKey?.concurrency),
    rate: rate
      ? { count: whole('limits.rate.count', rate.count) ?? 1, perMs: positive(rate.per) }
      : null,
    keyOf: (input) => (perKey ? checkedKey(perKey.key({ input })) : ''),
  };
}

function whole(option: string, value: number | undefined): number | null {
  if (value === undefined) return null;
  if (Number.isSafeInteger(value) && value >= 1 && value <= 1_000_000) return value;
  throw invalidDefinition(
    `The option ${option} is ${value}; it must be a whole number from 1 to 1000000.`,
  );
}

function positive(per: Duration): number {
  const ms = durationMs(per);
  if (ms > 0) return ms;
  throw invalidDefinition(
    `The option limits.rate.per is ${ms} ms; it must be longer than nothing.`,
  );
}

function checkedKey(key: unknown): string {
  if (typeof key === 'string' && key.length <= 200) return key;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `A saga cannot take turns by ${JSON.stringify(key)}.`,
    remedy: 'Let limits.perKey.key give a string of at most 200 characters.',
  });
}
