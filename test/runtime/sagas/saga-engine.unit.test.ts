import { PotterError, Rejection } from 'potter-runtime/errors';
import { exponentialBackoff, noRetry, simpleRetry } from 'potter-runtime/foundation';
import {
  createSagaEngine,
  InMemorySagaStore,
  type InMemoryTransaction,
  RetryLater,
  saga,
  type SagaOptions,
} from 'potter-runtime/sagas';
import { journalViolations } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { SagaWorld, signalled } from './saga-world.ts';

const three = saga<{ readonly n: number }, InMemoryTransaction>('three')
  .step('one', { execute: ({ input }) => ({ value: input.n }) })
  .step('two', { execute: ({ results }) => results.one.value * 2 })
  .step('three', { execute: ({ results }) => results.two + 1 })
  .build();

const refusal = (): never => {
  throw new Rejection('REFUSED', 'No.');
};

describe('going forward', () => {
  test('results flow from step to step, and the last commit ends the saga', async () => {
    const world = new SagaWorld();
    const engine = await world.engine([three]);
    const view = await world.settle(engine, three, { n: 20 });
    expect(view).toMatchObject({
      definition: 'three',
      definitionVersion: 1,
      status: 'completed',
      currentStep: null,
      input: { n: 20 },
      results: { one: { value: 20 }, two: 40, three: 41 },
      error: null,
    });
    expect(view.finishedAt).toEqual(world.clock.now());
    expect(journalViolations(await world.store.journal(view.sagaId))).toEqual([]);
  });

  test('a saga of n steps costs n + 1 commits', async () => {
    const world = new SagaWorld();
    let commits = 0;
    const engine = await world.engine([three], {
      store: world.counted((count) => (commits = count)),
    });
    await world.settle(engine, three, { n: 1 });
    expect(commits).toBe(4);
  });

  test('a step sees results as the journal keeps them, whether or not it was taken over', async () => {
    const world = new SagaWorld();
    const seen: unknown[] = [];
    const mutable = { list: [1], gone: undefined, when: new Date(0), big: 1n };
    const definition = saga<null, InMemoryTransaction>('stored')
      .step('make', { execute: () => mutable })
      .step('look', {
        execute: ({ results }) => {
          mutable.list.push(2);
          seen.push(results.make);
        },
      })
      .build();
    const engine = await world.engine([definition]);
    await world.settle(engine, definition, null);
    expect(seen).toEqual([{ list: [1], when: new Date(0), big: 1n }]);
    expect(Object.keys(seen[0] as object)).not.toContain('gone');
  });

  test('a result without a JSON form is a defect of its step', async () => {
    const world = new SagaWorld();
    const definition = saga<null, InMemoryTransaction>('unstorable')
      .step('make', { execute: () => new Map([[1, 2]]), retry: noRetry })
      .build();
    const engine = await world.engine([definition]);
    const view = await world.settle(engine, definition, null);
    expect(view).toMatchObject({
      status: 'failed',
      error: { code: 'SERIALIZATION_FAILED', step: 'make' },
    });
  });

  test('snapshots bound what is folded, and damaged ones are passed over', async () => {
    const world = new SagaWorld();
    const definition = saga<{ readonly n: number }, InMemoryTransaction>('snapshots', {
      snapshotEvery: 2,
    })
      .step('one', { execute: () => 1 })
      .step('two', { execute: () => 2 })
      .step('three', { execute: () => 3 })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, { n: 1 });
    const stored = await world.store.load(sagaId);
    expect(stored?.snapshot).not.toBeNull();
    expect(stored?.tail.length).toBeLessThan(4);
    const healthy = await engine.get(sagaId);
    const damaged = createSagaEngine({
      store: {
        ...world.counted(() => {}),
        load: async (id) => {
          const saga = await world.store.load(id);
          return saga && { ...saga, snapshot: { seq: 4n, state: '{"form' } };
        },
      },
      definitions: [definition],
    });
    expect(await damaged.get(sagaId)).toEqual(healthy);
  });
});

describe('undoing', () => {
  test('runs in reverse start order, with keys of its own that never change', async () => {
    const world = new SagaWorld();
    const keys: string[] = [];
    let failures = 1;
    const step = {
      execute: ({ key }: { readonly key: string }) => void keys.push(key),
      compensate: ({ key }: { readonly key: string }) => {
        keys.push(key);
        if (failures-- > 0) throw new Error('not yet');
      },
      compensateRetry: simpleRetry({ delay: 10 }),
    };
    const definition = saga<null, InMemoryTransaction>('reverse')
      .step('a', step)
      .step('b', step)
      .step('c', { execute: refusal })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId, status, error } = await world.settle(engine, definition, null);
    expect([status, error]).toEqual([
      'compensated',
      { code: 'REFUSED', message: 'No.', step: 'c' },
    ]);
    expect(keys).toEqual(
      ['a/do', 'b/do', 'b/undo', 'b/undo', 'a/undo'].map((key) => `${sagaId}/${key}`),
    );
  });

  test.each([
    ['a refusal', refusal, 'failed'],
    [
      'no answer',
      () => {
        throw new PotterError('TIMEOUT', { message: 'late' });
      },
      'unknown',
    ],
    ['running out of time', () => new Promise<never>(() => {}), 'unknown'],
  ] as const)(
    'after %s includes the step itself, which is told what is known',
    async (_, execute, outcome) => {
      const world = new SagaWorld();
      const undone: unknown[] = [];
      const definition = saga<null, InMemoryTransaction>('itself')
        .step('done', {
          execute: () => 'result',
          compensate: ({ outcome, result }) => void undone.push([outcome, result]),
        })
        .step('not-done', {
          execute,
          retry: noRetry,
          timeout: 50,
          compensate: ({ outcome, result }) => void undone.push([outcome, result]),
        })
        .build();
      const engine = await world.engine([definition]);
      const view = await world.settle(engine, definition, null);
      expect(view.status).toBe('compensated');
      expect(undone).toEqual([
        [outcome, undefined],
        ['done', 'result'],
      ]);
    },
  );

  test('leaves out a failed step that is undone only when completed', async () => {
    const world = new SagaWorld();
    const undone: string[] = [];
    const definition = saga<null, InMemoryTransaction>('opt-out')
      .step('a', {
        compensateWhen: 'completed',
        execute: () => 1,
        compensate: ({ result }) => void undone.push(`a ${result}`),
      })
      .step('b', {
        compensateWhen: 'completed',
        execute: refusal,
        compensate: () => void undone.push('b'),
      })
      .build();
    const engine = await world.engine([definition]);
    await world.settle(engine, definition, null);
    expect(undone).toEqual(['a 1']);
  });

  const stuck = (options: SagaOptions, undone: string[], cure: { done: boolean }) =>
    saga<null, InMemoryTransaction>('stuck', options)
      .step('a', { execute: () => 1, compensate: () => void undone.push('a') })
      .step('b', {
        execute: () => 2,
        compensate: () => {
          if (!cure.done) throw new Error('cannot');
          undone.push('b');
        },
        compensateRetry: simpleRetry({ maxAttempts: 2, delay: 10 }),
      })
      .step('c', { execute: refusal })
      .build();

  test('pauses when an undo gives up, and goes on from there when resumed', async () => {
    const world = new SagaWorld();
    const undone: string[] = [];
    const cure = { done: false };
    const definition = stuck({}, undone, cure);
    const engine = await world.engine([definition]);
    const { sagaId, status, error, finishedAt } = await world.settle(engine, definition, null);
    expect([status, error?.step, finishedAt, undone]).toEqual(['failed', 'b', null, []]);
    await expect(engine.resume('no-such-saga')).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
    cure.done = true;
    await engine.resume(sagaId);
    await world.clock.advance('2s');
    const view = await engine.get(sagaId);
    expect([view.status, view.error?.code, undone]).toEqual(['compensated', 'REFUSED', ['b', 'a']]);
    await expect(engine.resume(sagaId)).rejects.toMatchObject({ code: 'SAGA_NOT_RESUMABLE' });
    const { history } = await engine.history(sagaId);
    expect(
      history
        .filter(({ step, kind }) => step === 'b' && kind === 'compensation')
        .map(({ status, attempt }) => [status, attempt]),
    ).toEqual([
      ['compensation_failed', 1],
      ['compensation_failed', 2],
      ['compensated', 3],
    ]);
  });

  test('goes on with the rest when told to, and never drops what gave up', async () => {
    const world = new SagaWorld();
    const undone: string[] = [];
    const cure = { done: false };
    const definition = stuck({ onCompensationFailure: 'continue' }, undone, cure);
    const engine = await world.engine([definition]);
    const { sagaId, status } = await world.settle(engine, definition, null);
    expect([status, undone]).toEqual(['failed', ['a']]);
    cure.done = true;
    await engine.resume(sagaId);
    await world.clock.advance('2s');
    expect([(await engine.get(sagaId)).status, undone]).toEqual(['compensated', ['a', 'b']]);
  });
});

describe('errors decide', () => {
  const table: readonly [string, () => unknown, SagaOptions, string, number, string][] = [
    ['a rejection: undo at once', refusal, {}, 'compensated', 1, 'REFUSED'],
    [
      'a code listed as not worth a retry: undo at once',
      () => {
        throw Object.assign(new Error('x'), { code: 'GONE' });
      },
      {},
      'compensated',
      1,
      'GONE',
    ],
    [
      'any other error: retries, then undo',
      () => {
        throw new Error('x');
      },
      {},
      'compensated',
      3,
      'INTERNAL_ERROR',
    ],
    [
      'a broken connection in fetch: retries, then undo',
      () => {
        throw new TypeError('fetch failed', { cause: new Error('ECONNRESET') });
      },
      {},
      'compensated',
      3,
      'INTERNAL_ERROR',
    ],
    [
      'a defect: retries, then a person',
      () => {
        throw new TypeError('x is not a function');
      },
      {},
      'failed',
      3,
      'INTERNAL_ERROR',
    ],
    [
      'a defect where undoing is preferred: retries, then undo',
      () => {
        throw new RangeError('x');
      },
      { onDefect: 'compensate' },
      'compensated',
      3,
      'INTERNAL_ERROR',
    ],
  ];

  test.each(table)('%s', async (_, execute, options, status, attempts, code) => {
    const world = new SagaWorld();
    let calls = 0;
    const definition = saga<null, InMemoryTransaction>('errors', options)
      .step('only', {
        execute: () => {
          calls += 1;
          return execute();
        },
        retry: simpleRetry({ maxAttempts: 3, delay: 10 }),
        nonRetryable: ['GONE'],
      })
      .build();
    const engine = await world.engine([definition]);
    const view = await world.settle(engine, definition, null);
    expect([view.status, calls, view.error?.code]).toEqual([status, attempts, code]);
  });

  test('a defect that was repaired goes on forward when resumed, with all retries', async () => {
    const world = new SagaWorld();
    const repaired = { done: false };
    const definition = saga<null, InMemoryTransaction>('repaired')
      .step('only', {
        execute: () => {
          if (!repaired.done) throw new TypeError('a bug');
          return 'fixed';
        },
        retry: simpleRetry({ maxAttempts: 2, delay: 10 }),
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, null);
    repaired.done = true;
    await engine.resume(sagaId);
    await world.clock.advance('2s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'completed',
      results: { only: 'fixed' },
      error: null,
    });
  });

  test('a paused saga can be cancelled instead', async () => {
    const world = new SagaWorld();
    const definition = saga<null, InMemoryTransaction>('paused')
      .step('only', {
        execute: () => {
          throw new TypeError('a bug');
        },
        retry: noRetry,
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, null);
    await engine.cancel(sagaId);
    await world.clock.advance('2s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_CANCELLED' },
    });
  });
});

describe('retries', () => {
  test('wait as their policy says, no shorter than the one who failed asked', async () => {
    const world = new SagaWorld();
    const begun: number[] = [];
    const definition = saga<null, InMemoryTransaction>('waits')
      .step('only', {
        execute: ({ attempt }) => {
          begun.push(world.clock.now().getTime());
          if (attempt === 2) throw new RetryLater('5s');
          if (attempt < 5) throw new Error('not yet');
          return attempt;
        },
        retry: exponentialBackoff({
          maxAttempts: 10,
          initialDelay: 100,
          maxDelay: 300,
          jitter: 'none',
        }),
      })
      .build();
    const engine = await world.engine([definition], { keep: '1h' });
    const view = await world.settle(engine, definition, null);
    expect(view.results).toEqual({ only: 5 });
    expect(begun.slice(1).map((at, n) => at - (begun[n] ?? 0))).toEqual([100, 5_000, 300, 300]);
  });

  test('are not made after the time for all attempts is up', async () => {
    const world = new SagaWorld();
    let calls = 0;
    const definition = saga<null, InMemoryTransaction>('in-all')
      .step('only', {
        execute: () => {
          calls += 1;
          throw new Error('x');
        },
        retry: simpleRetry({ maxAttempts: 100, delay: 100 }),
        totalTimeout: 450,
      })
      .build();
    const engine = await world.engine([definition]);
    expect((await world.settle(engine, definition, null)).status).toBe('compensated');
    expect(calls).toBe(5);
  });

  test('long waits are given back to the store, and taken up by whoever is there', async () => {
    const world = new SagaWorld();
    const definition = saga<null, InMemoryTransaction>('long')
      .step('only', {
        execute: ({ attempt }) => {
          if (attempt === 1) throw new Error('not yet');
          return attempt;
        },
        retry: simpleRetry({ delay: '1h' }),
      })
      .build();
    const first = await world.engine([definition]);
    const { sagaId } = await first.start(definition, null);
    await world.clock.advance('1s');
    await first.stop();
    const second = await world.engine([definition]);
    await world.clock.advance('2h');
    expect(await second.get(sagaId)).toMatchObject({ status: 'completed', results: { only: 2 } });
    const { history } = await second.history(sagaId);
    expect(history.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['failed', 1],
      ['completed', 2],
    ]);
  });
});

describe('time', () => {
  test('an attempt out of time is told so, and its late result is discarded', async () => {
    const world = new SagaWorld();
    const reasons: unknown[] = [];
    const late = signalled<string>();
    const definition = saga<null, InMemoryTransaction>('late')
      .step('deaf', {
        execute: ({ signal, attempt }) => {
          signal.addEventListener('abort', () => reasons.push((signal.reason as PotterError).code));
          return attempt === 1 ? late.promise : 'second';
        },
        timeout: '2s',
        retry: simpleRetry({ delay: 10 }),
      })
      .build();
    const engine = await world.engine([definition], { grace: 100 });
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('2s');
    late.resolve('too late');
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'completed',
      results: { deaf: 'second' },
    });
    expect(reasons).toEqual(['SAGA_STEP_TIMED_OUT']);
    const { history } = await engine.history(sagaId);
    expect(history[0]).toMatchObject({
      status: 'failed',
      durationMs: 2_000,
      error: { code: 'SAGA_STEP_TIMED_OUT' },
    });
  });

  test('a transactional attempt out of time writes nothing, however late it ends', async () => {
    const world = new SagaWorld();
    const written: number[] = [];
    const late = signalled();
    const definition = saga<null, InMemoryTransaction>('late-write')
      .transactionalStep('write', {
        execute: async ({ tx, attempt }) => {
          tx.onCommit(() => void written.push(attempt));
          if (attempt === 1) await late.promise;
        },
        timeout: '1s',
        retry: simpleRetry({ delay: 10 }),
      })
      .build();
    const engine = await world.engine([definition], { grace: 100 });
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('3s');
    expect((await engine.get(sagaId)).status).toBe('completed');
    late.resolve();
    await world.clock.advance('3s');
    expect(written).toEqual([2]);
  });

  test('a saga out of time is undone; an attempt it interrupts counts as it ends', async () => {
    const world = new SagaWorld();
    const undone: unknown[] = [];
    const definition = saga<null, InMemoryTransaction>('deadline', { timeout: '5s' })
      .step('slow', {
        execute: ({ signal }) =>
          new Promise<string>((resolve) => {
            signal.addEventListener('abort', () => resolve('stopped half-way'));
          }),
        compensate: ({ outcome, result }) => void undone.push([outcome, result]),
      })
      .step('never', { execute: () => void undone.push('reached') })
      .build();
    const engine = await world.engine([definition]);
    const view = await world.settle(engine, definition, null);
    expect([view.status, view.error?.code]).toEqual(['compensated', 'SAGA_TIMED_OUT']);
    expect(undone).toEqual([['done', 'stopped half-way']]);
  });

  test('no timer is kept for a saga that only waits for its own attempt without a deadline', async () => {
    const world = new SagaWorld();
    const engine = await world.engine([three]);
    await world.settle(engine, three, { n: 1 });
    const idle = world.clock.pending;
    await Promise.all(Array.from({ length: 50 }, () => world.settle(engine, three, { n: 1 })));
    expect(world.clock.pending).toBe(idle);
  });
});

/** A saga whose first step waits for a gate. */
const slow = (log: string[], gate: Promise<void>) =>
  saga<null, InMemoryTransaction>('slow')
    .step('first', {
      execute: async ({ signal }) => {
        signal.addEventListener('abort', () => log.push('told to stop'));
        await gate;
      },
      compensate: async ({ signal }) => {
        await Promise.resolve();
        log.push(signal.aborted ? 'undo aborted' : 'undone');
      },
    })
    .step('second', { execute: () => void log.push('second') })
    .build();

describe('cancelling', () => {
  test('stops what runs, waits for it, and undoes it', async () => {
    const world = new SagaWorld();
    const log: string[] = [];
    const gate = signalled();
    const definition = slow(log, gate.promise);
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    await engine.cancel(sagaId);
    await world.clock.advance(100);
    expect(log).toEqual(['told to stop']);
    gate.resolve();
    const view = await world.settled(engine, sagaId);
    expect([view.status, view.error?.code, log]).toEqual([
      'compensated',
      'SAGA_CANCELLED',
      ['told to stop', 'undone'],
    ]);
    await expect(engine.cancel(sagaId)).rejects.toMatchObject({ code: 'SAGA_ALREADY_FINISHED' });
  });

  test('while undoing is accepted and changes nothing', async () => {
    const world = new SagaWorld();
    const gate = signalled();
    const undone: boolean[] = [];
    const definition = saga<null, InMemoryTransaction>('undoing')
      .step('a', {
        execute: () => 1,
        compensate: async ({ signal }) => {
          await gate.promise;
          undone.push(signal.aborted);
        },
      })
      .step('b', { execute: refusal })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance(10);
    await engine.cancel(sagaId);
    await world.clock.advance(10);
    gate.resolve();
    const view = await world.settled(engine, sagaId);
    expect([view.status, view.error?.code, undone]).toEqual(['compensated', 'REFUSED', [false]]);
  });

  test('or completing wins, never both, at whatever moment it comes', async () => {
    const outcomes = new Set<string>();
    for (let delay = 0; delay < 40; delay += 1) {
      const world = new SagaWorld();
      const engine = await world.engine([three]);
      const { sagaId } = await engine.start(three, { n: 1 });
      for (let turn = 0; turn < delay; turn += 1) await Promise.resolve();
      const cancelled = await engine.cancel(sagaId).then(
        () => true,
        () => false,
      );
      const { status } = await world.settled(engine, sagaId);
      expect(status).toBe(cancelled ? 'compensated' : 'completed');
      outcomes.add(status);
    }
    expect([...outcomes].sort()).toEqual(['compensated', 'completed']);
  });

  test('is heard although its notification was lost', async () => {
    const world = new SagaWorld();
    const log: string[] = [];
    const gate = signalled();
    const definition = slow(log, gate.promise);
    const engine = await world.engine([definition], {
      store: { ...world.counted(() => {}), listen: async () => async () => {} },
    });
    const { sagaId } = await engine.start(definition, null);
    await engine.cancel(sagaId);
    await world.clock.advance('1s');
    expect(log).toEqual(['told to stop']);
    gate.resolve();
    expect((await world.settled(engine, sagaId)).status).toBe('compensated');
  });
});

describe('starting', () => {
  test('the same id and input start one saga; another input is refused', async () => {
    const world = new SagaWorld();
    const engine = await world.engine([three]);
    const sagaId = 'order-1';
    expect(await engine.start(three, { n: 1 }, { sagaId })).toMatchObject({
      sagaId,
      created: true,
    });
    expect(await engine.start(three, { n: 1 }, { sagaId })).toMatchObject({
      sagaId,
      created: false,
    });
    await expect(engine.start(three, { n: 2 }, { sagaId })).rejects.toMatchObject({
      code: 'SAGA_ALREADY_EXISTS',
    });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      results: { three: 3 },
      correlationId: sagaId,
    });
  });

  test('in a transaction begins when that commits, and not at all when it does not', async () => {
    const world = new SagaWorld();
    const engine = await world.engine([three]);
    const failing = world.store.transaction(async (transaction) => {
      await engine.start(three, { n: 1 }, { sagaId: 'rolled-back', transaction });
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await expect(engine.get('rolled-back')).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
    await world.store.transaction((transaction) =>
      engine.start(three, { n: 1 }, { sagaId: 'committed', transaction }),
    );
    const view = await world.settled(engine, 'committed');
    expect(view.status).toBe('completed');
    // Nobody had begun it, so nothing was interrupted.
    expect((await engine.history('committed')).history).toHaveLength(3);
  });

  test('without room or without running leaves the saga to whoever has and does', async () => {
    const world = new SagaWorld();
    const accepting = world.idle([three]);
    const { sagaId, status } = await accepting.start(three, { n: 1 });
    expect(status).toBe('pending');
    const running = await world.engine([three], { concurrency: 1 });
    const more = await Promise.all(Array.from({ length: 5 }, () => running.start(three, { n: 1 })));
    for (const saga of [{ sagaId }, ...more]) {
      expect((await world.settled(running, saga.sagaId)).status).toBe('completed');
    }
  });

  test('refuses ids that would make keys ambiguous, unknown definitions, and two of one version', async () => {
    const world = new SagaWorld();
    const engine = await world.engine([three]);
    await expect(engine.start(three, { n: 1 }, { sagaId: 'a/b' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const other = saga<null, InMemoryTransaction>('other')
      .step('x', { execute: () => 1 })
      .build();
    await expect(engine.start(other, null)).rejects.toMatchObject({
      code: 'SAGA_DEFINITION_UNKNOWN',
    });
    expect(() =>
      createSagaEngine({ store: new InMemorySagaStore(), definitions: [three, three] }),
    ).toThrow(expect.objectContaining({ code: 'SAGA_DEFINITION_INVALID' }));
  });
});

describe('looking', () => {
  test('events are the journal, then live, until the saga is settled, from any place on', async () => {
    const world = new SagaWorld();
    const gate = signalled();
    const definition = saga<null, InMemoryTransaction>('watched')
      .step('only', { execute: () => gate.promise })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    const read = async (after?: bigint): Promise<string[]> => {
      const types: string[] = [];
      for await (const { event } of engine.events(sagaId, after === undefined ? {} : { after }))
        types.push(event.type);
      return types;
    };
    const reading = read();
    await world.clock.advance(10);
    gate.resolve();
    const all = ['SagaStarted', 'AttemptStarted', 'AttemptCompleted', 'SagaCompleted'];
    expect(await world.clock.settle(reading)).toEqual(all);
    expect(await read(2n)).toEqual(all.slice(2));
    expect(await read(4n)).toEqual([]);
  });

  test('history has every attempt with its times and errors', async () => {
    const world = new SagaWorld();
    const definition = saga<null, InMemoryTransaction>('history')
      .step('a', { execute: () => 1, compensate: () => 1 })
      .step('b', {
        execute: ({ attempt }) => (attempt === 1 ? Promise.reject(new Error('flaky')) : refusal()),
        retry: simpleRetry({ delay: 250 }),
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, null);
    const { history } = await engine.history(sagaId);
    expect(
      history.map(({ step, kind, status, attempt, error }) => [
        step,
        kind,
        status,
        attempt,
        error?.code ?? null,
      ]),
    ).toEqual([
      ['a', 'step', 'completed', 1, null],
      ['b', 'step', 'failed', 1, 'INTERNAL_ERROR'],
      ['b', 'step', 'failed', 2, 'REFUSED'],
      ['a', 'compensation', 'compensated', 1, null],
    ]);
    expect((history[2]?.startedAt.getTime() ?? 0) - (history[1]?.finishedAt?.getTime() ?? 0)).toBe(
      250,
    );
  });

  test('the diagram marks where a saga stands', async () => {
    const world = new SagaWorld();
    const definition = saga<null, InMemoryTransaction>('drawn')
      .step('reserve', { execute: () => 1, compensate: () => 1 })
      .step('pay', { execute: refusal })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, null);
    const diagram = await engine.diagram(sagaId);
    expect(diagram).toContain('flowchart LR');
    expect(diagram).toContain('n1["reserve"]');
    expect(diagram).toContain('n1 --> n2');
    expect(diagram).toContain('class n1 undone');
    expect(diagram).toContain('class n2 failed');
    expect(diagram).toContain('finish(["compensated"])');
  });

  test('a saga that is not there is said not to be', async () => {
    const engine = await new SagaWorld().engine([three]);
    for (const look of [
      engine.get('x'),
      engine.history('x'),
      engine.cancel('x'),
      engine.diagram('x'),
      engine.settled('x'),
    ]) {
      await expect(look).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
    }
  });
});
