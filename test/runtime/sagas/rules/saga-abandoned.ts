import { Rejection } from 'potter-runtime/errors';
import { noRetry } from 'potter-runtime/foundation';
import {
  type InMemoryTransaction,
  saga,
  type SagaOptions,
  type SagaView,
} from 'potter-runtime/sagas';
import { crashEverywhere } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { RecordingMeter } from '../../../support/recording-meter.ts';
import { openWorld } from '../saga-world.ts';
import { onStage, Stage } from '../stage.ts';

const FAIL = { onCompensationFailure: 'fail' } as const;

/** Three steps that are undone; the last one says no. */
function row(stage: Stage, options: SagaOptions = FAIL) {
  return saga<null, InMemoryTransaction>('row', options)
    .step('a', stage.step('a'))
    .step('b', stage.step('b'))
    .step('c', stage.step('c'))
    .step('no', { execute: refuse })
    .build();
}

/** A saga within a saga, after a step; the inner one says no, the outer one too when asked to. */
function family(stage: Stage, outer: SagaOptions) {
  const child = saga<null, InMemoryTransaction>('child', FAIL)
    .step('k1', stage.step('k1'))
    .step('k2', stage.step('k2'))
    .build();
  return saga<null, InMemoryTransaction>('parent', outer)
    .step('a', stage.step('a'))
    .child('kid', child, { input: () => null, compensateRetry: noRetry })
    .step('z', stage.step('z'))
    .build();
}

function refuse(): never {
  throw new Rejection('REFUSED', 'No.');
}

describe('where an undo that gives up ends the saga', () => {
  test('it is over at once, and what remains to be undone is named in view, journal and history', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = row(stage);
    const meter = new RecordingMeter();
    const told: SagaView[] = [];
    const engine = await world.engine([definition], {
      meter,
      onAttention: (view) => void told.push(view),
    });
    stage.let('undo b', 'refuse');
    const view = await world.settle(engine, definition, null);
    expect(view).toMatchObject({
      status: 'abandoned',
      currentStep: null,
      error: { code: 'REFUSED', step: 'b' },
      remaining: ['a', 'b'],
    });
    expect(view.finishedAt).toBeInstanceOf(Date);
    expect(stage.log).toEqual(['a/do', 'b/do', 'c/do', 'c/undo', 'b/undo']);
    const last = (await world.events(view.sagaId)).at(-1);
    expect(last).toMatchObject({ type: 'SagaAbandoned', remaining: ['a', 'b'] });
    const { history } = await engine.history(view.sagaId);
    expect(
      history
        .filter(({ kind }) => kind === 'compensation')
        .map(({ step, status, attempt, error }) => [step, status, attempt, error?.code]),
    ).toEqual([
      ['c', 'compensated', 1, undefined],
      ['b', 'compensation_failed', 1, 'REFUSED'],
      ['a', 'not_compensated', 0, 'SAGA_ABANDONED'],
    ]);
    expect(told).toMatchObject([{ sagaId: view.sagaId, status: 'abandoned' }]);
    const settled = meter.recorded.filter(({ name }) => name === 'potter_sagas_settled_total');
    expect(settled.map(({ attributes }) => attributes)).toEqual([
      { definition: 'row', status: 'abandoned' },
    ]);
    expect(await meter.read('potter_sagas_failed')).toBe(0);
    expect(await engine.list({ status: ['abandoned'] })).toMatchObject([{ sagaId: view.sagaId }]);
    expect((await world.store.load(view.sagaId))?.summary.wakeAt).toBeNull();
  });

  test('nobody can resume, cancel, skip or edit it; an undo tries again what remains', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('undo b', 'refuse');
    const { sagaId } = await world.settle(engine, definition, null);
    await expect(engine.resume(sagaId)).rejects.toMatchObject({
      code: 'SAGA_NOT_RESUMABLE',
      message: expect.stringContaining('Undo it'),
    });
    for (const operation of [
      () => engine.cancel(sagaId),
      () => engine.pause(sagaId),
      () => engine.skip(sagaId, 'b'),
      () => engine.edit(sagaId, null),
      () => engine.rewind(sagaId, 'a'),
    ]) {
      await expect(operation()).rejects.toMatchObject({
        code: 'SAGA_ALREADY_FINISHED',
        message: expect.stringContaining('Undo it'),
      });
    }
    // Still in vain: it ends so again.
    await engine.undo(sagaId, { by: 'ann' });
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'abandoned', remaining: ['a', 'b'] });
    stage.let('undo b');
    await engine.undo(sagaId, { by: 'ann' });
    await world.clock.advance('1s');
    const view = await engine.get(sagaId);
    expect(view).toMatchObject({ status: 'compensated', error: { code: 'REFUSED', step: 'no' } });
    expect(view.remaining).toBeUndefined();
    expect(stage.log.slice(3)).toEqual(['c/undo', 'b/undo', 'b/undo', 'b/undo', 'a/undo']);
    await expect(engine.undo(sagaId)).rejects.toMatchObject({ code: 'SAGA_ALREADY_FINISHED' });
  });

  test('it gives up its keys; to be undone after all it waits for them anew', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = row(stage, { ...FAIL, lock: () => 'order:1' });
    const next = saga<null, InMemoryTransaction>('next', { lock: () => 'order:1' })
      .sleep('wait', '1m')
      .build();
    const engine = await world.engine([definition, next]);
    stage.let('undo b', 'refuse');
    const { sagaId, lock } = await world.settle(engine, definition, null);
    expect(lock).toBeNull();
    const { sagaId: other } = await engine.start(next, null);
    await world.clock.advance('1s');
    stage.let('undo b');
    await engine.undo(sagaId);
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'compensating',
      lock: { state: 'waiting', waitsFor: [{ holder: other }] },
    });
    await world.clock.advance('1m');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'compensated', lock: null });
  });

  test('branches that are undone at the same time are let to end, and nothing more is begun', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<null, InMemoryTransaction>('fork', FAIL)
        .step('before', stage.step('before'))
        .parallel(
          'both',
          (both) =>
            both
              .step('left', stage.step('left'))
              .branch((right) => right.step('r1', stage.step('r1')).step('r2', stage.step('r2'))),
          { undo: 'parallel' },
        )
        .step('no', { execute: refuse })
        .build(),
    );
    stage.let('undo left', 'refuse');
    stage.let('undo r2', 'hold');
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'compensating' });
    stage.release('undo r2');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'abandoned',
      remaining: ['before', 'left', 'r1'],
    });
  });

  test('not while a person is at it: paused, or rewinding, it is failed and can be resumed', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('undo b', 'hold');
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1s');
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    stage.release('undo b', 'refuse');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'failed',
      remaining: ['a', 'b'],
    });
    await engine.skip(sagaId, 'b');
    await engine.resume(sagaId);
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'compensated' });

    stage.let('c', 'defect');
    const { sagaId: other } = await world.settle(engine, definition, null);
    await engine.rewind(other, 'a');
    expect(await world.settled(engine, other)).toMatchObject({
      status: 'failed',
      error: { step: 'b' },
    });
  });

  test('its process killed before, during and after every write, it ends so all the same', async () => {
    const ends = new Set<string>();
    const report = await crashEverywhere({
      scenario: (ledger) => ({
        definition: saga<null, InMemoryTransaction>('killed', FAIL)
          .step('a', {
            execute: ({ key }) => ledger.apply(key),
            compensate: ({ key }) => ledger.apply(key),
          })
          .step('b', {
            execute: ({ key }) => ledger.apply(key),
            compensate: refuse,
            compensateRetry: noRetry,
          })
          .step('no', { execute: refuse })
          .build(),
        input: null,
      }),
      check: ({ status }) => {
        ends.add(status);
        return [];
      },
    });
    expect(report.violations).toEqual([]);
    expect([...ends]).toContain('abandoned');
  });
});

describe('a saga within a saga that ends so', () => {
  test('turns its parent round, is asked once more, and then its parent’s undo has given up', async () => {
    const { world, stage, definition, engine } = await onStage((stage) => family(stage, {}));
    stage.let('k2', 'refuse');
    stage.let('undo k1', 'refuse');
    const view = await world.settle(engine, definition, null);
    expect(view).toMatchObject({
      status: 'failed',
      error: { code: 'REFUSED', step: 'kid' },
      remaining: ['a', 'kid'],
    });
    const kid = `${view.sagaId}::kid`;
    expect(await engine.get(kid)).toMatchObject({ status: 'abandoned', remaining: ['k1'] });
    expect(stage.log).toEqual(['a/do', 'k1/do', 'k2/do', 'k2/undo', 'k1/undo', 'k1/undo']);
    // Resumed in vain it asks, and fails, anew.
    await engine.resume(view.sagaId);
    await world.clock.advance('1s');
    expect(await engine.get(view.sagaId)).toMatchObject({ status: 'failed' });
    expect(stage.log.slice(6)).toEqual(['k1/undo']);
    stage.let('undo k1');
    await engine.resume(view.sagaId);
    await world.clock.advance('1s');
    expect(await engine.get(view.sagaId)).toMatchObject({ status: 'compensated' });
    expect(await engine.get(kid)).toMatchObject({ status: 'compensated' });
    expect(stage.log.slice(7)).toEqual(['k1/undo', 'a/undo']);
    const { history } = await engine.history(view.sagaId);
    expect(
      history
        .filter(({ step, kind }) => step === 'kid' && kind === 'compensation')
        .map(({ status }) => status),
    ).toEqual(['compensation_failed', 'compensation_failed', 'compensated']);
  });

  test('its processes killed at every write, it and its parent end so all the same', async () => {
    const ends = new Set<string>();
    const report = await crashEverywhere({
      scenario: (ledger) => {
        const step = {
          execute: ({ key }: { readonly key: string }) => ledger.apply(key),
          compensate: ({ key }: { readonly key: string }) => ledger.apply(key),
        };
        const child = saga<null, InMemoryTransaction>('child', FAIL)
          .step('k1', { ...step, compensate: refuse, compensateRetry: noRetry })
          .step('k2', { execute: refuse, retry: noRetry })
          .build();
        return {
          definition: saga<null, InMemoryTransaction>('parent', FAIL)
            .step('a', step)
            .child('kid', child, { input: () => null })
            .build(),
          input: null,
        };
      },
      check: ({ status }) => {
        ends.add(status);
        return [];
      },
    });
    expect(report.violations).toEqual([]);
    expect([...ends]).toContain('abandoned');
  });

  test('that a person has undone meanwhile is undone for its parent too', async () => {
    const { world, stage, definition, engine } = await onStage((stage) => family(stage, FAIL));
    stage.let('z', 'refuse');
    stage.let('undo k2', 'refuse');
    const view = await world.settle(engine, definition, null);
    expect(view).toMatchObject({ status: 'abandoned', remaining: ['a', 'kid'] });
    const kid = `${view.sagaId}::kid`;
    expect(await engine.get(kid)).toMatchObject({ status: 'abandoned', remaining: ['k1', 'k2'] });
    stage.let('undo k2');
    await engine.undo(kid);
    await world.clock.advance('1s');
    // Its parent was over, and did not hear of it.
    expect(await engine.get(kid)).toMatchObject({ status: 'compensated' });
    expect(await engine.get(view.sagaId)).toMatchObject({ status: 'abandoned' });
    await engine.undo(view.sagaId);
    await world.clock.advance('1s');
    expect(await engine.get(view.sagaId)).toMatchObject({ status: 'compensated' });
    expect(stage.log.slice(-3)).toEqual(['k2/undo', 'k1/undo', 'a/undo']);
  });

  test('past the pivot of its parent leaves that to a person', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const child = saga<null, InMemoryTransaction>('child', FAIL)
      .step('k1', stage.step('k1'))
      .step('k2', stage.step('k2'))
      .build();
    const definition = saga<null, InMemoryTransaction>('parent', FAIL)
      .pivot('p', { execute: () => 'p' })
      .child('kid', child, { input: () => null })
      .build();
    const engine = await world.engine([definition]);
    stage.let('k2', 'refuse');
    stage.let('undo k1', 'refuse');
    const { sagaId, status } = await world.settle(engine, definition, null);
    expect(status).toBe('failed');
    await engine.skip(sagaId, 'kid');
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'completed' });
  });
});
