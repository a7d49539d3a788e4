import * as fc from 'fast-check';
import { simpleRetry } from 'potter-runtime/foundation';
import { saga, type SagaEvent } from 'potter-runtime/sagas';
import { journalViolations, modelViolations } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { evolve } from '../../../runtime/src/sagas/machine/evolve.ts';
import { classify, type Failure, RetryLater } from '../../../runtime/src/sagas/failure.ts';
import type { MachineInput } from '../../../runtime/src/sagas/machine/machine-input.ts';
import { begin, transition } from '../../../runtime/src/sagas/machine/transition.ts';
import { nextWork, summaryOf } from '../../../runtime/src/sagas/machine/next-work.ts';
import {
  decodeState,
  encodeState,
  fold,
} from '../../../runtime/src/sagas/machine/saga-snapshot.ts';
import type { SagaState } from '../../../runtime/src/sagas/machine/saga-state.ts';

const START = new Date('2026-02-03T04:05:06.000Z');
const definition = saga<number>('machine', { timeout: '1h' })
  .step('a', {
    execute: () => 1,
    compensate: () => {},
    retry: simpleRetry({ maxAttempts: 3, delay: 100 }),
  })
  .step('b', { execute: () => 2, retry: simpleRetry({ maxAttempts: 2, delay: 100 }) })
  .step('c', {
    execute: () => 3,
    compensate: () => {},
    compensateRetry: simpleRetry({ maxAttempts: 2 }),
  })
  .build();

/** What may happen to a saga, whatever it is doing: the test picks the running attempt it is about. */
type Happening =
  | { readonly kind: 'completed' | 'cancel' | 'resume' | 'recovered' | 'timer' }
  | { readonly kind: 'failed'; readonly failure: Failure };

const happenings: fc.Arbitrary<{
  readonly what: Happening;
  readonly afterMs: number;
  readonly stale: boolean;
}> = fc.record({
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Happening>({ kind: 'completed' }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('failed' as const),
        failure: fc.record({
          kind: fc.constantFrom('rejected', 'transient', 'defect'),
          outcome: fc.constantFrom('failed', 'unknown'),
          error: fc.constant({ code: 'CODE', message: 'message' }),
        }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Happening>(
        { kind: 'cancel' },
        { kind: 'resume' },
        { kind: 'recovered' },
        { kind: 'timer' },
      ),
    },
  ),
  afterMs: fc.nat(2_000),
  stale: fc.boolean(),
});

function inputsFor(
  state: SagaState,
  what: Happening,
  stale: boolean,
  at: Date,
  no: number,
): MachineInput[] {
  if (what.kind === 'timer' || what.kind === 'recovered') return [{ kind: what.kind }];
  if (what.kind === 'cancel' || what.kind === 'resume') {
    return [{ kind: 'message', message: { kind: what.kind, messageId: `m-${no}`, at } }];
  }
  return nextWork(definition, state, at).running.map(
    ({ path, direction, attempt }): MachineInput => {
      const about = { path, direction, attempt: stale ? attempt - 1 : attempt };
      return what.kind === 'failed'
        ? { kind: 'attempt-failed', ...about, failure: what.failure }
        : { kind: 'attempt-completed', ...about, result: { no } };
    },
  );
}

describe('the machine', () => {
  test('writes only journals that can be true, and is what its journal says', () => {
    fc.assert(
      fc.property(fc.array(happenings, { maxLength: 60 }), (story) => {
        let now = START;
        const moment = () => ({ now, random: () => 0.5 });
        const first = begin(
          definition,
          { sagaId: 's', input: 1, correlationId: 'c', trace: undefined, owned: true },
          moment(),
        );
        let { state } = first;
        const journal: SagaEvent[] = [...first.events];
        for (const [no, { what, afterMs, stale }] of story.entries()) {
          now = new Date(now.getTime() + afterMs);
          const before = structuredClone(state);
          const inputs = inputsFor(state, what, stale, now, no);
          const next = transition({ sagaId: 's', definition, state }, inputs, moment());
          // Pure: the state it was given is as it was, and asked again it says the same.
          expect(state).toEqual(before);
          expect(transition({ sagaId: 's', definition, state }, inputs, moment())).toEqual(next);
          expect(next.events.reduce<SagaState>(evolve, state)).toEqual(next.state);
          const aboutAttempts = what.kind === 'completed' || what.kind === 'failed';
          const ended = next.events.filter(
            ({ type }) => type === 'AttemptCompleted' || type === 'AttemptFailed',
          );
          expect(ended.length === 0 || !stale || !aboutAttempts).toBe(true);
          // Somebody has to come back to everything that is not over.
          const { status, wakeAt } = summaryOf(
            definition,
            next.state,
            nextWork(definition, next.state, now),
          );
          expect(wakeAt === null).toBe(['completed', 'compensated', 'failed'].includes(status));
          journal.push(...next.events);
          ({ state } = next);
        }
        const entries = journal.map((event, at) => ({ seq: BigInt(at + 1), event }));
        expect(journalViolations(definition, entries)).toEqual([]);
        expect(modelViolations(definition, entries)).toEqual([]);
        expect(fold(undefined, entries)).toEqual(state);
        expect(decodeState(encodeState(state))).toEqual(state);
        // From a snapshot anywhere on the way one gets to the same state.
        const middle = Math.ceil(entries.length / 2);
        const snapshot = fold(undefined, entries.slice(0, middle));
        expect(snapshot && fold(decodeState(encodeState(snapshot)), entries.slice(middle))).toEqual(
          state,
        );
      }),
      { numRuns: process.env['POTTER_FULL'] === '1' ? 20_000 : 500 },
    );
  });

  test('writes an intent with the result before it: n steps are n + 1 writes', () => {
    const moment = { now: START, random: () => 0.5 };
    let { state, events } = begin(
      definition,
      { sagaId: 's', input: 1, correlationId: 'c', trace: undefined, owned: true },
      moment,
    );
    expect(events.map(({ type }) => type)).toEqual(['SagaStarted', 'AttemptStarted']);
    const written: string[][] = [];
    for (const path of ['a', 'b', 'c']) {
      ({ state, events } = transition(
        { sagaId: 's', definition, state },
        [{ kind: 'attempt-completed', path, direction: 'forward', attempt: 1, result: null }],
        moment,
      ));
      written.push(events.map(({ type }) => type));
    }
    expect(written).toEqual([
      ['AttemptCompleted', 'AttemptStarted'],
      ['AttemptCompleted', 'AttemptStarted'],
      ['AttemptCompleted', 'SagaCompleted'],
    ]);
  });
});

describe('a thrown value', () => {
  test.each([
    [new RetryLater('2s'), 2_000],
    [new RetryLater(new Date(START.getTime() + 750)), 750],
    [Object.assign(new Error('busy'), { retryAfter: 30 }), 30],
    [Object.assign(new Error('busy'), { retryAfter: 'soon' }), undefined],
    [new Error('plain'), undefined],
  ])('%s asks for a pause of %s ms', (thrown, expected) => {
    expect(classify(thrown, [], START).retryAfterMs).toBe(expected);
  });

  test('may be anything', () => {
    for (const thrown of [undefined, null, 0, 'text', Symbol('s'), Object.create(null)]) {
      expect(classify(thrown, ['CODE'], START)).toMatchObject({
        kind: 'transient',
        outcome: 'failed',
      });
    }
    expect(classify('no', (error) => error === 'no', START).kind).toBe('rejected');
  });
});
