import { PotterError } from 'potter-runtime/errors';
import { type Clock, simpleRetry, sleep } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, signal } from 'potter-runtime/sagas';
import { interceptSagaStore, journalViolations } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { RecordingMeter } from '../../../support/recording-meter.ts';
import { openWorld, signalled } from '../saga-world.ts';

const forever = (): Promise<never> => new Promise<never>(() => {});

describe('an unreachable store', () => {
  test('is tried again until it answers, and a lost answer is found out', async () => {
    for (const when of ['before', 'after'] as const) {
      const world = await openWorld();
      let calls = 0;
      const flaky = interceptSagaStore(world.store, async (call, proceed) => {
        // Breaks often, and in no step with the engine's own rhythm.
        calls = (calls * 75 + 74) % 65_537;
        const breaks = calls % 5 < 2 && call.method !== 'listen';
        const broken = new PotterError('DATABASE_UNAVAILABLE', {
          message: 'The connection broke.',
        });
        if (breaks && when === 'before') throw broken;
        const value = await proceed();
        if (breaks) throw broken;
        return value;
      });
      let effects = 0;
      const definition = saga<null, InMemoryTransaction>('flaky')
        .step('a', { execute: () => (effects += 1) })
        .transactionalStep('b', {
          execute: ({ tx }) => tx.onCommit(() => (effects += 1)),
          retry: simpleRetry({ maxAttempts: 50, delay: 10 }),
        })
        .step('c', { execute: () => (effects += 1) })
        .build();
      const starting = world.engine([definition], { store: flaky });
      const engine = await world.clock.settle(starting);
      const { sagaId } = await world.clock.settle(engine.start(definition, null));
      await world.clock.advance('10s');
      expect((await world.store.load(sagaId))?.summary.status).toBe('completed');
      expect(effects).toBe(3);
      expect(journalViolations(definition, await world.store.journal(sagaId))).toEqual([]);
    }
  });

  test('has as many sagas waiting for it as there are, and Node warns of nothing', async () => {
    const world = await openWorld();
    const gate = signalled();
    let isAway = false;
    const away = interceptSagaStore(world.store, (call, proceed) =>
      isAway && call.method === 'commit'
        ? Promise.reject(new PotterError('DATABASE_UNAVAILABLE', { message: 'It is away.' }))
        : proceed(),
    );
    const definition = saga<null, InMemoryTransaction>('many')
      .step('only', { execute: () => gate.promise })
      .build();
    const meter = new RecordingMeter();
    const engine = await world.engine([definition], { store: away, meter });
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) ids.push((await engine.start(definition, null)).sagaId);
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', onWarning);
    isAway = true;
    gate.resolve();
    await world.clock.advance('1s');
    isAway = false;
    for (const id of ids) expect((await world.settled(engine, id)).status).toBe('completed');
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    const failures = meter.recorded.filter(({ name }) => name === 'potter_saga_store_errors_total');
    expect(failures.length).toBeGreaterThanOrEqual(20);
    expect(failures[0]?.attributes).toEqual({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('that loses the answer to a takeover has nothing interrupted twice', async () => {
    const world = await openWorld();
    let gate: () => Promise<unknown> = forever;
    const written: number[] = [];
    const definition = saga<null, InMemoryTransaction>('taken-over')
      .transactionalStep('write', {
        execute: async ({ tx, attempt }) => {
          await gate();
          tx.onCommit(() => void written.push(attempt));
        },
        timeout: '1h',
      })
      .build();
    const first = await world.engine([definition]);
    const { sagaId } = await first.start(definition, null);
    await world.clock.settle(first.stop({ timeout: 0 }));
    gate = async () => {};
    let lost = false;
    const forgetful = interceptSagaStore(world.store, async (call, proceed) => {
      const value = await proceed();
      if (call.method !== 'commit' || lost) return value;
      lost = true;
      throw new PotterError('DATABASE_UNAVAILABLE', { message: 'The answer was lost.' });
    });
    const second = await world.engine([definition], { store: forgetful });
    expect((await world.settled(second, sagaId)).status).toBe('completed');
    const { history } = await second.history(sagaId);
    expect(history.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['failed', 1],
      ['completed', 2],
    ]);
    expect(written).toEqual([2]);
  });

  test('that cannot keep what a saga says takes it up anew, and loses nothing', async () => {
    const world = await openWorld();
    let refusals = 2;
    const picky = interceptSagaStore(world.store, (call, proceed) =>
      call.method === 'commit' && (refusals -= 1) >= 0
        ? Promise.reject(new PotterError('INVALID_ARGUMENT', { message: 'Not this.' }))
        : proceed(),
    );
    const definition = saga<null, InMemoryTransaction>('refused')
      .step('only', { execute: () => 1 })
      .build();
    const engine = await world.engine([definition], { store: picky });
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('5s');
    expect((await engine.get(sagaId)).status).toBe('completed');
  });

  test('never makes an effect run whose intent is not known to be durable', async () => {
    const world = await openWorld();
    let reachable = true;
    const broken = interceptSagaStore(world.store, (call, proceed) =>
      reachable || call.method !== 'commit'
        ? proceed()
        : Promise.reject(new PotterError('DATABASE_UNAVAILABLE', { message: 'No.' })),
    );
    const log: string[] = [];
    const gate = signalled();
    const definition = saga<null, InMemoryTransaction>('intent')
      .step('first', { execute: () => gate.promise })
      .step('second', { execute: () => void log.push('second') })
      .build();
    const engine = await world.engine([definition], { store: broken });
    const { sagaId } = await engine.start(definition, null);
    reachable = false;
    gate.resolve();
    await world.clock.advance('3s');
    expect(log).toEqual([]);
    reachable = true;
    expect((await world.settled(engine, sagaId)).status).toBe('completed');
    expect(log).toEqual(['second']);
  });

  test('a claim whose answer is lost strands nothing, also when the clock is set right after it', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('lost').step('a', { execute: () => 1 });
    const built = definition.build();
    const { sagaId } = await world.idle([built]).start(built, null);
    let aheadMs = 0;
    const clock: Clock = {
      now: () => new Date(world.clock.now().getTime() + aheadMs),
      schedule: (delayMs, callback) => world.clock.schedule(delayMs, callback),
    };
    const losing = interceptSagaStore(world.store, async (call, proceed) => {
      const value = await proceed();
      if (call.method !== 'claim' || aheadMs > 0) return value;
      aheadMs = 3_600_000;
      throw new PotterError('DATABASE_UNAVAILABLE', { message: 'The answer is lost.' });
    });
    await world.engine([built], { store: losing, clock });
    await world.clock.advance('5s');
    expect((await world.store.load(sagaId))?.summary.status).toBe('completed');
  });

  test('a claim whose answer is lost strands nothing, also when its process is full for longer than its lease', async () => {
    const world = await openWorld();
    const gate = signalled();
    const quick = saga<null, InMemoryTransaction>('lost')
      .step('a', { execute: () => 1 })
      .build();
    const long = saga<null, InMemoryTransaction>('long')
      .step('a', { execute: () => gate.promise, timeout: '1h' })
      .build();
    const { sagaId } = await world.idle([quick]).start(quick, null);
    let lost = false;
    const losing = interceptSagaStore(world.store, async (call, proceed) => {
      const value = await proceed();
      if (call.method !== 'claim' || lost) return value;
      lost = true;
      throw new PotterError('DATABASE_UNAVAILABLE', { message: 'The answer is lost.' });
    });
    const options = { store: losing, concurrency: 1, lease: '2s', poll: 500 } as const;
    const engine = await world.engine([quick, long], options);
    await engine.start(long, null);
    await world.clock.advance('10s');
    expect((await world.store.load(sagaId))?.summary.status).not.toBe('completed');
    gate.resolve();
    expect((await world.settled(engine, sagaId)).status).toBe('completed');
  });

  test('a saga that is given out again, unheard, before its process knows that it gave it back, is not stranded', async () => {
    const world = await openWorld();
    const word = signal('word');
    const waits = saga<null, InMemoryTransaction>('waits')
      .step('ask', { execute: () => 'asked' })
      .waitFor('told', word)
      .build();
    let late = false;
    let lost = false;
    const slow = interceptSagaStore(world.store, async (call, proceed) => {
      const value = await proceed();
      const [commit] = call.arguments as readonly { readonly release?: boolean }[];
      if (call.method === 'commit' && commit?.release && !late) {
        late = true;
        await sleep(6_000, { clock: world.clock });
      }
      const brings = (value as { readonly sagas?: readonly unknown[] } | null)?.sagas?.length;
      if (call.method !== 'claim' || !late || lost || !brings) return value;
      lost = true;
      throw new PotterError('DATABASE_UNAVAILABLE', { message: 'The answer is lost.' });
    });
    const engine = await world.engine([waits], { store: slow, lease: '2s', poll: 500 });
    const { sagaId } = await engine.start(waits, null);
    await world.clock.advance('1s');
    await world.idle([waits]).signal(sagaId, word, 'go');
    await world.clock.advance('30s');
    expect(lost).toBe(true);
    expect((await world.store.load(sagaId))?.summary.status).toBe('completed');
  });
});
