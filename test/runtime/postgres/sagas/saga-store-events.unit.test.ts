import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRows, encodeEvents } from '../../../../runtime/src/postgres/sagas/store/events.ts';
import type { SagaEvent } from '../../../../runtime/src/sagas/saga-event.ts';

const time = fc.integer({ min: 0, max: Date.parse('2200-01-01') }).map((ms) => new Date(ms));
const value = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
  fc.bigInt(),
  time,
  fc.record({ at: time, amount: fc.bigInt(), text: fc.string() }),
);
const attempt = {
  at: time,
  path: fc.string({ unit: 'grapheme' }),
  direction: fc.constantFrom('forward' as const, 'compensate' as const),
  attempt: fc.nat(),
};
const event: fc.Arbitrary<SagaEvent> = fc.oneof(
  fc.record({
    type: fc.constant('AttemptStarted' as const),
    ...attempt,
    deadlineAt: fc.option(time),
  }),
  fc.record({ type: fc.constant('AttemptCompleted' as const), ...attempt, result: value }),
  fc.record({
    type: fc.constant('AttemptFailed' as const),
    ...attempt,
    outcome: fc.constantFrom('failed' as const, 'unknown' as const),
    error: fc.record({
      code: fc.string(),
      message: fc.string({ unit: 'binary' }),
      step: fc.option(fc.string()),
    }),
    retryAt: fc.option(time),
  }),
  fc.record({ type: fc.constant('SagaCompleted' as const), at: time }),
);

/** JSON has one zero. */
const written = (events: readonly SagaEvent[]): string =>
  JSON.stringify(events, (_, member: unknown) =>
    typeof member === 'bigint' ? `${member}n` : Object.is(member, -0) ? 0 : member,
  );

describe('the events of a commit', () => {
  test('are read as they were written, whatever a step returned', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 4 }), (events) => {
        const entries = decodeRows(`[${encodeEvents(events)}]`, BigInt(events.length));
        expect(written(entries.map((entry) => entry.event))).toBe(written(events));
        expect(entries.map(({ seq }) => seq)).toEqual(events.map((_, at) => BigInt(at + 1)));
        for (const entry of entries) expect(entry.event.at).toBeInstanceOf(Date);
      }),
      { numRuns: 500 },
    );
  });

  test('are the text JSON.stringify makes of them while there is nothing in them that JSON has no form for', () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    const later = new Date('2026-01-02T03:04:35.678Z');
    const about = { at, path: 'say "yes"\\no', direction: 'forward', attempt: 1 } as const;
    const events: readonly SagaEvent[] = [
      { type: 'AttemptStarted', ...about, deadlineAt: later },
      { type: 'AttemptStarted', ...about, deadlineAt: null },
      {
        type: 'AttemptCompleted',
        ...about,
        result: { text: 'ü\u2028\n', none: null, n: [1.5, -2] },
      },
      { type: 'AttemptCompleted', ...about, at: later, result: undefined },
    ];
    expect(encodeEvents(events)).toBe(JSON.stringify(events));
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, () => 1, Symbol('s'), new Map([[1, 2]])])(
    'are refused with a result that JSON would lose: %s',
    (result) => {
      const completed: SagaEvent = {
        type: 'AttemptCompleted',
        at: new Date(),
        path: 'step',
        direction: 'forward',
        attempt: 1,
        result,
      };
      expect(() => encodeEvents([completed])).toThrowError(
        expect.objectContaining({ code: 'SERIALIZATION_FAILED' }),
      );
    },
  );
});
