import { silentLogger } from 'potter-runtime/foundation';
import {
  type BulkOutcome,
  type InMemoryTransaction,
  saga,
  type SagaEngine,
  type SagaView,
} from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { RecordingMeter } from '../../../support/recording-meter.ts';
import { openWorld, type SagaWorld } from '../saga-world.ts';
import { onStage, Stage } from '../stage.ts';

function row(stage: Stage) {
  return saga<number, InMemoryTransaction>('row')
    .step('a', stage.step('a'))
    .step('b', stage.step('b'))
    .build();
}

async function all(outcomes: AsyncIterable<BulkOutcome>): Promise<readonly BulkOutcome[]> {
  const seen: BulkOutcome[] = [];
  for await (const outcome of outcomes) seen.push(outcome);
  return seen;
}

async function startAll(
  world: SagaWorld,
  engine: SagaEngine<InMemoryTransaction>,
  definition: ReturnType<typeof row>,
  count: number,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    ids.push(
      (await engine.start(definition, n, { sagaId: `s-${String(n).padStart(4, '0')}` })).sagaId,
    );
  }
  await world.clock.advance('1s');
  return ids;
}

describe('operations in bulk', () => {
  test('tell every saga that the filter finds, page after page, and say what became of each', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('b', 'defect');
    const ids = await startAll(world, engine, definition, 250);
    stage.let('b');
    const resumed = ['s-0007', 's-0230'];
    for (const sagaId of resumed) await engine.resume(sagaId);
    await world.clock.advance('1s');
    const outcomes = await all(
      engine.bulk({ status: ['failed'] }, { kind: 'resume' }, { by: 'ann', reason: 'fixed' }),
    );
    expect(outcomes.map(({ sagaId }) => sagaId)).toEqual(ids.filter((id) => !resumed.includes(id)));
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['accepted']));
    await world.clock.advance('1s');
    expect(await engine.list({ status: ['failed'] })).toEqual([]);
    expect(await world.events('s-0249')).toContainEqual(
      expect.objectContaining({ type: 'SagaResumed', by: 'ann', reason: 'fixed' }),
    );
  });

  test('go on past sagas that refuse, and tell why', async () => {
    const { world, definition, engine } = await onStage(row);
    await startAll(world, engine, definition, 3);
    const outcomes = await all(engine.bulk({ definition: 'row' }, { kind: 'pause' }));
    expect(outcomes).toHaveLength(3);
    expect(outcomes[1]).toMatchObject({
      sagaId: 's-0001',
      outcome: 'refused',
      error: { code: 'SAGA_ALREADY_FINISHED' },
    });
  });

  test('are repeatable by messageId, and stop when told to', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    await startAll(world, engine, definition, 40);
    const options = { messageId: 'monday', concurrency: 2 };
    const stop = new AbortController();
    let told = 0;
    for await (const _ of engine.bulk({}, { kind: 'undo' }, { ...options, signal: stop.signal })) {
      if ((told += 1) === 5) stop.abort();
    }
    expect(told).toBeLessThan(10);
    await world.clock.advance('1s');
    const again = await all(engine.bulk({}, { kind: 'undo' }, options));
    expect(again.map(({ outcome }) => outcome)).toEqual(again.map(() => 'accepted'));
    expect(again).toHaveLength(40);
    await world.clock.advance('1s');
    expect(await engine.list({ status: ['compensated'] })).toHaveLength(40);
    expect(stage.log.filter((key) => key === 'a/undo')).toHaveLength(40);
  });

  test('go on after an id, and end after as many as were asked for', async () => {
    const { world, definition, engine } = await onStage(row);
    const ids = await startAll(world, engine, definition, 8);
    const told = await all(engine.bulk({}, { kind: 'undo' }, { after: 's-0001', limit: 4 }));
    expect(told.map(({ sagaId }) => sagaId)).toEqual(ids.slice(2, 6));
  });

  test('have no more messages under way than asked for', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = row(stage);
    const running = await world.engine([definition]);
    await startAll(world, running, definition, 30);
    let now = 0;
    let most = 0;
    const store = interceptSagaStore(world.store, async (call, proceed) => {
      if (call.method !== 'post') return proceed();
      most = Math.max(most, (now += 1));
      const value = await proceed();
      now -= 1;
      return value;
    });
    const engine = world.idle([definition], { store });
    expect(await all(engine.bulk({}, { kind: 'undo' }, { concurrency: 4 }))).toHaveLength(30);
    expect(most).toBe(4);
    await expect(all(engine.bulk({}, { kind: 'undo' }, { concurrency: 0 }))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('find sagas whose definition the asked process does not have', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = row(stage);
    const running = await world.engine([definition]);
    stage.let('b', 'hold');
    await startAll(world, running, definition, 2);
    const other = world.idle([]);
    expect(await other.list({ runnable: false })).toMatchObject([
      { sagaId: 's-0000', definition: 'row', status: 'running' },
      { sagaId: 's-0001' },
    ]);
    expect(await running.list({ runnable: false })).toEqual([]);
    expect(await all(other.bulk({ definition: 'row' }, { kind: 'cancel' }))).toHaveLength(2);
    await world.clock.advance('1s');
    expect(await running.list({ status: ['compensated'] })).toHaveLength(2);
  });
});

describe('a saga that needs a person', () => {
  test('is told of once, after that is durable, with its view; the gauge and the list have it too', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = row(stage);
    const told: SagaView[] = [];
    const stored: (string | undefined)[] = [];
    const meter = new RecordingMeter();
    const engine = await world.engine([definition], {
      meter,
      onAttention: async (view) => {
        told.push(view);
        stored.push((await world.store.load(view.sagaId))?.summary.status);
      },
    });
    stage.let('b', 'defect');
    const { sagaId } = await world.settle(engine, definition, 1);
    expect(told).toMatchObject([{ sagaId, status: 'failed', error: { step: 'b' } }]);
    expect(stored).toEqual(['failed']);
    expect(await meter.read('potter_sagas_failed')).toBe(1);
    expect(await engine.list({ status: ['failed'] })).toMatchObject([{ sagaId }]);
    await engine.resume(sagaId);
    await world.settled(engine, sagaId);
    expect(told).toHaveLength(2);
    stage.let('b');
    await engine.resume(sagaId);
    await world.settled(engine, sagaId);
    expect(told).toHaveLength(2);
    await world.clock.advance('2s');
    expect(await meter.read('potter_sagas_failed')).toBe(0);
  });

  test('waits all the same when the hook fails, and the log has that', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = row(stage);
    const errors: string[] = [];
    const engine = await world.engine([definition], {
      logger: { ...silentLogger, error: (message) => void errors.push(message) },
      onAttention: () => {
        throw new Error('The pager is down.');
      },
    });
    stage.let('b', 'defect');
    expect(await world.settle(engine, definition, 1)).toMatchObject({ status: 'failed' });
    expect(errors).toEqual(['A saga gave up.', expect.stringContaining('onAttention failed')]);
  });

  test('of which a step killed its process again and again is one: it is parked, and is told of', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = saga<null, InMemoryTransaction>('poison', { maxInterruptions: 2 })
      .step('a', stage.step('a'))
      .build();
    const told: SagaView[] = [];
    const options = { onAttention: (view: SagaView) => void told.push(view) };
    stage.let('a', 'hold');
    const starter = world.idle([definition]);
    const { sagaId } = await starter.start(definition, null);
    for (let life = 1; life <= 3; life += 1) {
      const engine = await world.engine([definition], options);
      await world.clock.advance(10);
      await world.clock.settle(engine.stop({ timeout: 0 }));
    }
    expect(await starter.get(sagaId)).toMatchObject({
      status: 'failed',
      error: { code: 'SAGA_STEP_INTERRUPTED', step: 'a' },
    });
    expect(told).toMatchObject([{ sagaId }]);
    expect(await starter.list({ status: ['failed'], currentStep: 'a' })).toHaveLength(1);
  });

  test('the time the oldest due saga waits is known, also to who does not run', async () => {
    const world = await openWorld();
    const definition = row(new Stage());
    const meter = new RecordingMeter();
    const engine = world.idle([definition], {
      meter,
    });
    const read = (): Promise<number | undefined> => meter.read('potter_sagas_oldest_due_seconds');
    expect(await read()).toBe(0);
    await engine.start(definition, 1);
    await world.clock.advance('90s');
    expect(await read()).toBe(90);
  });
});
