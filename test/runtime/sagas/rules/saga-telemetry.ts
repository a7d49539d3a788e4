import { Rejection } from 'potter-runtime/errors';
import { noRetry, simpleRetry } from 'potter-runtime/foundation';
import type {
  Attributes,
  Meter,
  SpanOptions,
  TraceContext,
  Tracer,
} from 'potter-runtime/observability';
import { type InMemoryTransaction, RetryLater, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { type LogLine, recordingLogger } from '../recording-logger.ts';
import { openWorld } from '../saga-world.ts';

function recordingMeter(
  seen: string[],
  gauges: Map<string, () => number | Promise<number>>,
): Meter {
  const line = (name: string, attributes: Attributes = {}): number =>
    seen.push(`${name} ${Object.values(attributes).join(' ')}`.trim());
  return {
    counter: (name) => ({ add: (_value, attributes) => void line(name, attributes) }),
    histogram: (name) => ({ record: (_value, attributes) => void line(name, attributes) }),
    gauge: (name, _options, read) => void gauges.set(name, read),
  };
}

function recordingTracer(
  spans: { name: string; parent: TraceContext | undefined; failed: boolean }[],
  attributes: Attributes[] = [],
): Tracer {
  return {
    current: () => undefined,
    span: async <T>(name: string, options: SpanOptions, work: Parameters<Tracer['span']>[2]) => {
      const span = { name, parent: options.parent, failed: false };
      spans.push(span);
      attributes.push(options.attributes ?? {});
      try {
        return (await work({
          setAttribute: () => {},
          recordError: () => {},
          context: () => ({ traceparent: '00-trace-start-01' }),
        })) as T;
      } catch (error) {
        span.failed = true;
        throw error;
      }
    },
  };
}

const definition = saga<null, InMemoryTransaction>('watched')
  .step('a', {
    execute: ({ attempt }) => {
      if (attempt === 1) throw new Error('flaky');
    },
    compensate: () => {},
    retry: simpleRetry({ delay: 10 }),
  })
  .step('b', {
    execute: () => {
      throw new Rejection('NO', 'No.');
    },
  })
  .build();

/** Whose steps fail in every way, and whose first one cannot be undone. */
const clumsy = saga<null, InMemoryTransaction>('clumsy')
  .step('late', {
    execute: ({ attempt }) => {
      if (attempt === 1) throw new RetryLater(10);
    },
    compensate: () => {
      throw new Error('It cannot be undone.');
    },
    compensateRetry: noRetry,
  })
  .step('buggy', {
    execute: ({ attempt }) => {
      if (attempt === 1) throw new TypeError('There is no such thing.');
    },
    retry: simpleRetry({ delay: 10 }),
  })
  .parallel('both', (both) =>
    both
      .step('refused', {
        execute: () => {
          throw new Rejection('NO', 'No.');
        },
      })
      .step('slow', {
        execute: ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
      }),
  )
  .build();

describe('telemetry', () => {
  test('counts what is started and settled, and times every attempt', async () => {
    const world = await openWorld();
    const seen: string[] = [];
    const gauges = new Map<string, () => number | Promise<number>>();
    const engine = await world.engine([definition], { meter: recordingMeter(seen, gauges) });
    await world.settle(engine, definition, null);
    expect(seen).toEqual([
      'potter_sagas_started_total watched',
      'potter_saga_attempt_duration_seconds watched a forward failed',
      'potter_saga_retries_total watched a forward',
      'potter_saga_attempt_duration_seconds watched a forward completed',
      'potter_saga_attempt_duration_seconds watched b forward failed',
      'potter_saga_attempt_duration_seconds watched a compensate completed',
      'potter_sagas_settled_total watched compensated',
    ]);
    expect(await gauges.get('potter_sagas_owned')?.()).toBe(0);
  });

  test('is one trace a saga, also after another process took it over', async () => {
    const world = await openWorld();
    const spans: { name: string; parent: TraceContext | undefined; failed: boolean }[] = [];
    const tracer = recordingTracer(spans);
    const accepting = world.idle([definition], { tracer });
    const { sagaId } = await accepting.start(definition, null);
    const running = await world.engine([definition], { tracer });
    await world.settled(running, sagaId);
    const parent = { traceparent: '00-trace-start-01' };
    expect(spans).toEqual([
      { name: 'saga start watched', parent: undefined, failed: false },
      { name: 'saga do a', parent, failed: true },
      { name: 'saga do a', parent, failed: false },
      { name: 'saga do b', parent, failed: true },
      { name: 'saga undo a', parent, failed: false },
    ]);
  });

  test('says of an attempt how often in a row the ones before it were cut off with their process', async () => {
    const world = await openWorld();
    const attributes: Attributes[] = [];
    const tracer = recordingTracer([], attributes);
    let hangs = true;
    const cut = saga<null, InMemoryTransaction>('cut')
      .step('a', { execute: () => (hangs ? new Promise<null>(() => {}) : null) })
      .build();
    const accepting = world.idle([cut], { tracer });
    const { sagaId } = await accepting.start(cut, null);
    const first = await world.engine([cut], { tracer });
    await world.clock.advance(10);
    await world.clock.settle(first.stop({ timeout: 0 }));
    hangs = false;
    const second = await world.engine([cut], { tracer });
    await world.settled(second, sagaId);
    expect(attributes.slice(1)).toEqual([
      expect.not.objectContaining({ 'potter.saga.interruptions': expect.anything() }),
      expect.objectContaining({ 'potter.saga.attempt': 2, 'potter.saga.interruptions': 1 }),
    ]);
  });

  test('logs what fails with its stack: a warning, but a refusal, or who is told to stop or asks for time, is nothing odd', async () => {
    const world = await openWorld();
    const lines: LogLine[] = [];
    const engine = await world.engine([clumsy], { logger: recordingLogger(lines) });
    const { sagaId, correlationId } = await world.settle(engine, clumsy, null);
    const told = lines.filter(({ message }) => message.endsWith('failed.'));
    expect(
      told.map(({ level, message, fields }) => [level, message, fields['step'], fields['code']]),
    ).toEqual([
      ['debug', 'A step failed.', 'late', 'INTERNAL_ERROR'],
      ['warn', 'A step failed.', 'buggy', 'INTERNAL_ERROR'],
      ['debug', 'A step failed.', 'refused', 'NO'],
      ['debug', 'A step failed.', 'slow', 'SAGA_BRANCH_STOPPED'],
      ['warn', 'An undo failed.', 'late', 'INTERNAL_ERROR'],
    ]);
    expect(told[1]?.fields).toEqual({
      sagaId,
      definition: 'clumsy',
      step: 'buggy',
      attempt: 1,
      correlationId,
      code: 'INTERNAL_ERROR',
      error: expect.any(TypeError),
    });
  });

  test('logs that a saga waits for a person', async () => {
    const world = await openWorld();
    const lines: LogLine[] = [];
    const engine = await world.engine([clumsy], { logger: recordingLogger(lines) });
    const { sagaId, correlationId } = await world.settle(engine, clumsy, null);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([
      {
        level: 'error',
        message: 'A saga gave up.',
        fields: {
          sagaId,
          definition: 'clumsy',
          status: 'failed',
          correlationId,
          code: 'INTERNAL_ERROR',
          step: 'late',
          reason: 'It cannot be undone.',
        },
      },
    ]);
  });
});
