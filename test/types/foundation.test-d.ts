import { expectTypeOf } from 'expect-type';
import {
  isPotterError,
  isRejection,
  PotterError,
  type PotterErrorCode,
  Rejection,
} from 'potter-runtime/errors';
import { type Duration, exponentialBackoff, type JsonValue } from 'potter-runtime/foundation';

expectTypeOf<'30s'>().toExtend<Duration>();
expectTypeOf<250>().toExtend<Duration>();
// @ts-expect-error a unit there is not
exponentialBackoff({ initialDelay: '3 weeks' });
// @ts-expect-error a number alone is no text
exponentialBackoff({ initialDelay: '30' });

expectTypeOf<{ readonly a: readonly [1, 'x', null] }>().toExtend<JsonValue>();
expectTypeOf<{ readonly a: bigint }>().not.toExtend<JsonValue>();
expectTypeOf<() => void>().not.toExtend<JsonValue>();

// @ts-expect-error codes of the runtime are a closed set
void new PotterError('INSUFFICIENT_FUNDS', { message: 'x' });
declare const thrown: unknown;
if (isPotterError(thrown, 'TIMEOUT')) expectTypeOf(thrown.code).toEqualTypeOf<PotterErrorCode>();
if (isRejection(thrown, 'ACCOUNT_CLOSED'))
  expectTypeOf(thrown.code).toEqualTypeOf<'ACCOUNT_CLOSED'>();
if (isRejection(thrown)) expectTypeOf(thrown.code).toEqualTypeOf<string>();
// @ts-expect-error a rejection is of one of three kinds
void new Rejection('ACCOUNT_CLOSED', 'x', { kind: 'forbidden' });
