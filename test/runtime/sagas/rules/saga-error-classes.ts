import { PotterError, Rejection } from 'potter-runtime/errors';
import { simpleRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, RetryLater, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, sampled } from '../saga-world.ts';

/** What a step throws. `rejected`: no retry is worth it; `transient`: it may be well later; `defect`: the step itself is wrong. */
interface ErrorClass {
  readonly error: string;
  readonly thrown: unknown;
  readonly class: 'rejected' | 'transient' | 'defect';
  /** As the saga shows it. */
  readonly code?: string;
}

const coded = (code: string): Error => Object.assign(new Error(code), { code });

const ERRORS: readonly ErrorClass[] = [
  { error: 'a rejection', thrown: new Rejection('NO', 'No.'), class: 'rejected', code: 'NO' },
  {
    error: 'an error whose code is listed',
    thrown: coded('GONE'),
    class: 'rejected',
    code: 'GONE',
  },
  {
    error: 'an error whose code is not listed',
    thrown: coded('BUSY'),
    class: 'transient',
    code: 'BUSY',
  },
  { error: 'any error', thrown: new Error('x'), class: 'transient' },
  { error: 'what is no error at all', thrown: 'x', class: 'transient' },
  { error: 'a request to be tried later', thrown: new RetryLater(5), class: 'transient' },
  {
    error: 'a missing answer',
    thrown: new PotterError('TIMEOUT', { message: 'x' }),
    class: 'transient',
    code: 'TIMEOUT',
  },
  {
    error: 'a broken connection as fetch reports it',
    thrown: new TypeError('fetch failed', { cause: new Error('ECONNRESET') }),
    class: 'transient',
  },
  { error: 'a TypeError', thrown: new TypeError('x is not a function'), class: 'defect' },
  { error: 'a ReferenceError', thrown: new ReferenceError('x is not defined'), class: 'defect' },
  { error: 'a RangeError', thrown: new RangeError('x'), class: 'defect' },
  { error: 'a SyntaxError', thrown: new SyntaxError('x'), class: 'defect' },
  {
    error: 'a wrong argument',
    thrown: new PotterError('INVALID_ARGUMENT', { message: 'x' }),
    class: 'defect',
    code: 'INVALID_ARGUMENT',
  },
];

/** Where the step is, and what its saga says of defects: with the class of the error that decides what follows. */
const POLICIES: readonly {
  readonly policy: string;
  readonly onDefect?: 'pause' | 'compensate';
  readonly after?: 'pivot';
  readonly follows: Readonly<Record<ErrorClass['class'], 'compensated' | 'failed'>>;
}[] = [
  {
    policy: 'by default',
    follows: { rejected: 'compensated', transient: 'compensated', defect: 'failed' },
  },
  {
    policy: 'defects undone',
    onDefect: 'compensate',
    follows: { rejected: 'compensated', transient: 'compensated', defect: 'compensated' },
  },
  {
    policy: 'after the pivot',
    after: 'pivot',
    follows: { rejected: 'failed', transient: 'failed', defect: 'failed' },
  },
  {
    policy: 'after the pivot, defects undone',
    after: 'pivot',
    onDefect: 'compensate',
    follows: { rejected: 'failed', transient: 'failed', defect: 'failed' },
  },
];

const CASES = ERRORS.flatMap((error) =>
  POLICIES.map(({ follows, ...policy }) => ({
    ...error,
    ...policy,
    status: follows[error.class],
    attempts: error.class === 'rejected' ? 1 : 3,
  })),
);

describe('errors decide', () => {
  test.each(sampled(CASES))(
    '$error $policy: $attempts attempts, then $status',
    async ({ thrown, onDefect, after, status, attempts, code = 'INTERNAL_ERROR' }) => {
      const world = await openWorld();
      let calls = 0;
      const options = { ...(onDefect && { onDefect }) };
      const step = {
        execute: () => {
          calls += 1;
          throw thrown;
        },
        retry: simpleRetry({ maxAttempts: 3, delay: 10 }),
        nonRetryable: ['GONE'],
      };
      const begin = saga<null, InMemoryTransaction>('errors', options);
      const definition = after
        ? begin
            .pivot('pivot', { execute: () => null })
            .step('it', step)
            .build()
        : begin.step('it', step).build();
      const engine = await world.engine([definition]);
      const view = await world.settle(engine, definition, null);
      expect([view.status, calls, view.error?.code]).toEqual([status, attempts, code]);
    },
  );

  test('which are listed may be said by a function', async () => {
    const world = await openWorld();
    let calls = 0;
    const definition = saga<null, InMemoryTransaction>('errors')
      .step('it', {
        execute: () => {
          calls += 1;
          throw new Error(calls === 1 ? 'passing' : 'for good');
        },
        retry: simpleRetry({ maxAttempts: 5, delay: 10 }),
        nonRetryable: (error) => error instanceof Error && error.message === 'for good',
      })
      .build();
    const engine = await world.engine([definition]);
    expect((await world.settle(engine, definition, null)).status).toBe('compensated');
    expect(calls).toBe(2);
  });
});
