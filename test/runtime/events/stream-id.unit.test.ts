import * as fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  causedBy,
  parseStreamId,
  type StreamId,
  streamId,
  traceContextOf,
} from 'potter-runtime/events';

describe('a stream id', () => {
  test('gives back category and id, whatever the id is', () => {
    expect(streamId('bank-account', 'DE-1')).toBe('bank-account:DE-1');
    const part = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(
        part.filter((text) => !text.includes(':')),
        part,
        (category, id) => {
          expect(parseStreamId(streamId(category, id))).toEqual({ category, id });
        },
      ),
    );
  });

  test.each([
    ['', 'x'],
    ['a', ''],
    ['a:b', 'x'],
    ['a', 'x\0'],
  ])('refuses category %j with id %j', (category, id) => {
    expect(() => streamId(category, id)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  test('carries its category in its type', () => {
    expectTypeOf(streamId('bank-account', 'DE-1')).toEqualTypeOf<StreamId<'bank-account'>>();
    expectTypeOf<'no category'>().not.toExtend<StreamId>();
  });
});

describe('what an event causes', () => {
  const id = '01997b3c-0000-7000-8000-000000000000';
  test('continues its correlation and trace, and names it as the cause', () => {
    const metadata = {
      correlationId: 'c',
      causationId: 'before',
      traceparent: '00-a-b-01',
      user: 'Ada',
    };
    expect(causedBy({ id, metadata })).toEqual({
      correlationId: 'c',
      causationId: id,
      traceparent: '00-a-b-01',
    });
    expect(traceContextOf({ ...metadata, tracestate: 'x=y' })).toEqual({
      traceparent: '00-a-b-01',
      tracestate: 'x=y',
    });
  });

  test('starts a correlation when the event has none', () => {
    expect(causedBy({ id, metadata: {} })).toEqual({ correlationId: id, causationId: id });
    expect(traceContextOf({})).toBeUndefined();
  });
});
