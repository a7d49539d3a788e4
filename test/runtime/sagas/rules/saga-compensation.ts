import { PotterError, Rejection } from 'potter-runtime/errors';
import { noRetry, simpleRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, type SagaOptions } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld } from '../saga-world.ts';

const refusal = (): never => {
  throw new Rejection('REFUSED', 'No.');
};

const failing = (): never => {
  throw new Error('cannot');
};

describe('undoing', () => {
  test('runs in reverse start order, with keys of its own that never change', async () => {
    const world = await openWorld();
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
      const world = await openWorld();
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
    const world = await openWorld();
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
    const world = await openWorld();
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

  test.each(['pause', 'continue'] as const)(
    'tells what remains to be undone when it gives up, what was done before the saga included: %s',
    async (onCompensationFailure) => {
      const world = await openWorld();
      const compensateRetry = simpleRetry({ maxAttempts: 2, delay: 10 });
      const definition = saga<null, InMemoryTransaction>('remaining', { onCompensationFailure })
        .alreadyDone('place', { compensate: failing, compensateRetry })
        .step('a', { execute: () => 1, compensate: () => {} })
        .step('only-if-done', {
          execute: () => 1,
          compensateWhen: 'completed',
          compensate: failing,
          compensateRetry,
        })
        .step('b', { execute: refusal, compensateWhen: 'completed', compensate: () => {} })
        .build();
      const engine = await world.engine([definition]);
      const { sagaId } = await world.settle(engine, definition, null);
      const failed = (await world.events(sagaId)).find(({ type }) => type === 'SagaFailed');
      expect(failed).toMatchObject({
        remaining:
          onCompensationFailure === 'pause'
            ? ['place', 'a', 'only-if-done']
            : ['place', 'only-if-done'],
      });
    },
  );

  test('goes on with the rest when told to, and never drops what gave up', async () => {
    const world = await openWorld();
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
