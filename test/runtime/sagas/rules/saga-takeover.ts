import { PotterError, Rejection } from 'potter-runtime/errors';
import { noRetry, simpleRetry, sleep } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { interceptSagaStore, journalViolations } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { RecordingMeter } from '../../../support/recording-meter.ts';
import { openWorld, signalled } from '../saga-world.ts';

/** A saga whose first step waits for the test; what it does goes into the log. */
function gated(log: string[], gate: () => Promise<unknown>) {
  return saga<null, InMemoryTransaction>('gated')
    .step('first', {
      execute: async ({ key, attempt, signal }) => {
        log.push(`do ${attempt}`);
        signal.addEventListener('abort', () => {
          log.push(`stop ${attempt} ${(signal.reason as PotterError).code}`);
        });
        await gate();
        return key;
      },
      timeout: '1h',
    })
    .step('second', { execute: () => 'done' })
    .build();
}

const forever = (): Promise<never> => new Promise<never>(() => {});
const refusal = (): never => {
  throw new Rejection('REFUSED', 'No.');
};

describe('takeover', () => {
  test.each([
    { lease: '8s', poll: '1s', withinMs: 10_000 },
    { lease: 360, poll: 100, withinMs: 500 },
  ] as const)(
    'of a silent process is done within lease plus poll: $withinMs ms',
    async ({ lease, poll, withinMs }) => {
      const world = await openWorld();
      const log: string[] = [];
      let silent = false;
      const dead = interceptSagaStore(world.store, (_call, proceed) =>
        silent ? forever() : proceed(),
      );
      let gate: () => Promise<unknown> = forever;
      const definition = gated(log, () => gate());
      const [firstMeter, secondMeter] = [new RecordingMeter(), new RecordingMeter()];
      const first = await world.engine([definition], {
        store: dead,
        lease,
        poll,
        meter: firstMeter,
      });
      const second = await world.engine([definition], { lease, poll, meter: secondMeter });
      const { sagaId } = await first.start(definition, null);
      await world.clock.advance(50);
      silent = true;
      gate = async () => {};
      await world.clock.advance(withinMs);
      expect((await second.get(sagaId)).status).toBe('completed');
      expect(log).toEqual(['do 1', 'stop 1 SAGA_LEASE_LOST', 'do 2']);
      expect(firstMeter.of('potter_saga_leases_lost_total')).toEqual([1]);
      expect(secondMeter.of('potter_saga_takeovers_total')).toEqual([1]);
      expect(secondMeter.of('potter_saga_leases_lost_total')).toEqual([]);
      const { history } = await second.history(sagaId);
      expect(
        history.map(({ step, status, attempt, error }) => [step, status, attempt, error?.code]),
      ).toEqual([
        ['first', 'failed', 1, 'SAGA_STEP_INTERRUPTED'],
        ['first', 'completed', 2, undefined],
        ['second', 'completed', 1, undefined],
      ]);
    },
  );

  test('a crash does not use up retries, and the key stays the same', async () => {
    const world = await openWorld();
    const keys: string[] = [];
    let gate: () => Promise<unknown> = forever;
    const definition = saga<null, InMemoryTransaction>('no-retry')
      .step('only', {
        execute: async ({ key }) => {
          keys.push(key);
          await gate();
        },
        retry: noRetry,
        timeout: '1h',
      })
      .build();
    const first = await world.engine([definition]);
    const { sagaId } = await first.start(definition, null);
    await world.clock.advance(10);
    await world.kill('worker-1');
    gate = async () => {};
    const second = await world.engine([definition]);
    expect((await world.settled(second, sagaId)).status).toBe('completed');
    expect(new Set(keys)).toEqual(new Set([`${sagaId}/only/do`]));
    expect(keys.length).toBeGreaterThan(1);
  });

  test('a stalled process that wakes up after its lease commits nothing, and its transactional write is rolled back', async () => {
    const world = await openWorld();
    const written: string[] = [];
    const outcomes: string[] = [];
    const wake = signalled();
    let who = 'first';
    const definition = saga<null, InMemoryTransaction>('stalled')
      .transactionalStep('write', {
        execute: async ({ tx }) => {
          const me = who;
          if (me === 'first') await wake.promise;
          tx.onCommit(() => void written.push(me));
        },
        timeout: '1h',
      })
      .build();
    // Stopped as by SIGSTOP: it hears and says nothing, not even to itself that its lease is over.
    const asleep = { now: () => world.clock.now(), schedule: () => ({ cancel: () => {} }) };
    const watched = interceptSagaStore(world.store, async (call, proceed) => {
      const value = await proceed();
      if (call.method === 'commit') outcomes.push((value as { kind: string }).kind);
      return value;
    });
    const first = await world.engine([definition], { store: watched, clock: asleep });
    const { sagaId } = await first.start(definition, null);
    await world.clock.advance('8s');
    who = 'second';
    const second = await world.engine([definition]);
    expect((await world.settled(second, sagaId)).status).toBe('completed');
    wake.resolve();
    await world.clock.advance('1s');
    expect(new Set(outcomes)).toEqual(new Set(['lease-lost']));
    expect(written).toEqual(['second']);
    expect(journalViolations(definition, await world.store.journal(sagaId))).toEqual([]);
  });

  test('a process that lost its lease drops everything, takes a new name, and works again', async () => {
    const world = await openWorld();
    const log: string[] = [];
    let gate: () => Promise<unknown> = forever;
    const definition = gated(log, () => gate());
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance(10);
    gate = async () => {};
    await world.store.deregister('worker-1');
    await world.clock.advance('3s');
    expect(log).toEqual(['do 1', 'stop 1 SAGA_LEASE_LOST', 'do 2']);
    expect((await engine.get(sagaId)).status).toBe('completed');
    expect((await world.settle(engine, definition, null)).status).toBe('completed');
  });

  test.each(['do', 'undo'] as const)(
    'a step that takes its process down so many times in a row is shown to a person, and again after as many more: %s',
    async (deadly) => {
      const world = await openWorld();
      const attempts: number[] = [];
      const dies = ({ attempt }: { readonly attempt: number }): Promise<never> => {
        attempts.push(attempt);
        return forever();
      };
      const definition = saga<null, InMemoryTransaction>('poison', { maxInterruptions: 3 })
        .step('deadly', {
          execute: deadly === 'do' ? dies : () => 'done',
          compensate: deadly === 'undo' ? dies : () => {},
          timeout: '1h',
        })
        .step('last', { execute: refusal })
        .build();
      const starter = world.idle([definition]);
      const { sagaId } = await starter.start(definition, null);
      const lives = async (count: number): Promise<void> => {
        for (let life = 1; life <= count; life += 1) {
          const engine = await world.engine([definition]);
          await world.clock.advance(10);
          await world.clock.settle(engine.stop({ timeout: 0 }));
        }
      };
      await lives(5);
      const parked = {
        status: 'failed',
        error: { code: 'SAGA_STEP_INTERRUPTED', step: 'deadly' },
      };
      expect(await starter.get(sagaId)).toMatchObject(parked);
      expect(attempts).toEqual([1, 2, 3]);
      await starter.resume(sagaId);
      await lives(5);
      expect(await starter.get(sagaId)).toMatchObject(parked);
      expect(attempts).toEqual([1, 2, 3, 4, 5, 6]);
    },
  );

  test('a step that gets on between two crashes is not shown to a person', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('lively', { maxInterruptions: 2 })
      .step('it', {
        execute: ({ attempt }) => {
          if (attempt === 2) throw new Error('not yet');
          return attempt < 4 ? forever() : 'done';
        },
        retry: simpleRetry({ maxAttempts: 5, delay: 10 }),
        timeout: '1h',
      })
      .build();
    const starter = world.idle([definition]);
    const { sagaId } = await starter.start(definition, null);
    for (let life = 1; life <= 3; life += 1) {
      const engine = await world.engine([definition]);
      await world.clock.advance(100);
      await world.clock.settle(engine.stop({ timeout: 0 }));
    }
    expect(await starter.get(sagaId)).toMatchObject({
      status: 'completed',
      results: { it: 'done' },
    });
  });
});

describe('handing over', () => {
  test('a process that stops lets its attempt finish, and another goes on at once', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const definition = gated(log, () => gate.promise);
    const first = await world.engine([definition]);
    const second = await world.engine([definition]);
    const { sagaId } = await first.start(definition, null);
    await world.clock.advance(10);
    const stopping = first.stop({ timeout: '10s' });
    await world.clock.advance('2s');
    gate.resolve();
    await world.clock.settle(stopping);
    const stoppedMs = world.clock.now().getTime();
    const view = await world.settled(second, sagaId);
    expect(view.status).toBe('completed');
    expect((view.finishedAt?.getTime() ?? Infinity) - stoppedMs).toBeLessThanOrEqual(1_000);
    expect(log).toEqual(['do 1']);
    expect((await second.history(sagaId)).history.map(({ status }) => status)).toEqual([
      'completed',
      'completed',
    ]);
  });

  test('a process that may wait no longer tells its attempts to stop, but not its undoing', async () => {
    const world = await openWorld();
    const aborted: string[] = [];
    const waits =
      (name: string) =>
      async ({ signal }: { readonly signal: AbortSignal }) => {
        signal.addEventListener('abort', () => aborted.push(name));
        await forever();
      };
    const doing = saga<null, InMemoryTransaction>('doing')
      .step('a', { execute: waits('do'), timeout: '1h' })
      .build();
    const undoing = saga<null, InMemoryTransaction>('undoing')
      .step('a', { execute: () => 1, compensate: waits('undo'), timeout: '1h' })
      .step('b', {
        execute: () => {
          throw new PotterError('FENCED', { message: 'no' });
        },
        retry: noRetry,
      })
      .build();
    const engine = await world.engine([doing, undoing]);
    await engine.start(doing, null);
    await engine.start(undoing, null);
    await world.clock.advance(10);
    await world.clock.settle(engine.stop({ timeout: '1s' }));
    expect(aborted).toEqual(['do']);
    const next = await world.engine([doing, undoing]);
    await world.clock.advance('1s');
    expect(world.clock.pending).toBeGreaterThan(0);
    await world.clock.settle(next.stop({ timeout: 0 }));
  });

  test('a rolling restart of two overlapping processes strands nothing', async () => {
    const world = await openWorld();
    const definition = saga<{ readonly n: number }, InMemoryTransaction>('rolling')
      .step('one', {
        execute: () => new Promise((resolve) => world.clock.schedule(150, () => resolve(1))),
      })
      .step('two', {
        execute: () => new Promise((resolve) => world.clock.schedule(150, () => resolve(2))),
      })
      .build();
    let current = await world.engine([definition]);
    const started: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (let n = 0; n < 5; n += 1) started.push((await current.start(definition, { n })).sagaId);
      await world.clock.advance(100);
      const next = await world.engine([definition]);
      await world.clock.settle(current.stop());
      current = next;
    }
    for (const sagaId of started) {
      expect((await world.settled(current, sagaId)).status).toBe('completed');
      expect((await current.history(sagaId)).history).toHaveLength(2);
    }
  });
});

test.each(['heartbeat', 'listen'] as const)(
  'a process that is stopped while it begins, in its %s, leaves no lease and no listener behind, and nothing failed',
  async (slowly) => {
    const world = await openWorld();
    const calls: string[] = [];
    const reached = signalled();
    const slow = interceptSagaStore(world.store, async (call, proceed) => {
      const { method } = call;
      if (method !== 'heartbeat' && method !== 'listen' && method !== 'deregister') {
        return proceed();
      }
      calls.push(`${method} asked`);
      // It takes its time: asked first, it would be done last.
      if (method === slowly) {
        reached.resolve();
        await sleep(100, { clock: world.clock });
      }
      const value = await proceed();
      calls.push(`${method} done`);
      if (method !== 'listen') return value;
      const unlisten = value as () => Promise<void>;
      const counted = async (): Promise<void> => {
        calls.push('listen ended');
        await unlisten();
      };
      return counted as typeof value;
    });
    const engine = world.idle([], { store: slow });
    const running = engine.run();
    await world.clock.settle(reached.promise);
    await world.clock.settle(engine.stop());
    await running;
    expect(calls).toEqual([
      'heartbeat asked',
      'heartbeat done',
      ...(slowly === 'listen' ? ['listen asked', 'listen done', 'listen ended'] : []),
      'deregister asked',
      'deregister done',
    ]);
  },
);
