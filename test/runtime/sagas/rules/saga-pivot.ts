import { Rejection } from 'potter-runtime/errors';
import { simpleRetry, sleep } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, type SagaWorld } from '../saga-world.ts';

interface Story {
  readonly capture?: 'refuses' | 'hangs';
  readonly shipFails?: number;
}

function paid(world: SagaWorld, log: string[]) {
  return saga<Story, InMemoryTransaction>('paid', { timeout: '1m' })
    .step('reserve', { execute: () => 'r', compensate: () => void log.push('undo reserve') })
    .pivot('capture', {
      execute: async ({ input, attempt }) => {
        await sleep(1_000, { clock: world.clock });
        if (input.capture === 'refuses') throw new Rejection('DECLINED', 'No.');
        if (input.capture === 'hangs' && attempt === 1) await new Promise(() => {});
        log.push('captured');
        return 'c';
      },
      retry: simpleRetry({ maxAttempts: 3, delay: 100 }),
      timeout: '5s',
    })
    .step('ship', {
      execute: ({ input, attempt }) => {
        if (attempt <= (input.shipFails ?? 0)) throw new Error('Not today.');
        return 's';
      },
      retry: simpleRetry({ maxAttempts: 2, delay: 40_000 }),
      compensateWhen: 'forced',
      compensate: () => void log.push('undo ship'),
    })
    .build();
}

describe('a pivot', () => {
  test('that is refused lets the saga be undone', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const definition = paid(world, log);
    const engine = await world.engine([definition]);
    expect(await world.settle(engine, definition, { capture: 'refuses' })).toMatchObject({
      status: 'compensated',
      error: { code: 'DECLINED' },
    });
    expect(log).toEqual(['undo reserve']);
  });

  test('once done is never undone: what fails after it waits for a person, whatever the time', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const definition = paid(world, log);
    const engine = await world.engine([definition]);
    const failed = await world.settle(engine, definition, { shipFails: 2 });
    expect(failed).toMatchObject({ status: 'failed', error: { step: 'ship' } });
    await expect(engine.cancel(failed.sagaId)).rejects.toMatchObject({ code: 'SAGA_PAST_PIVOT' });
    await engine.resume(failed.sagaId);
    await world.clock.advance('1m');
    expect(await engine.get(failed.sagaId)).toMatchObject({ status: 'completed' });
    expect(log).toEqual(['captured']);
  });

  test('once done lets what runs beside a failure end: nobody is going back', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const definition = saga<null, InMemoryTransaction>('beside')
      .pivot('capture', { execute: () => 'c' })
      .parallel('both', (both) =>
        both
          .step('refuses', {
            execute: () => {
              throw new Rejection('REFUSED', 'No.');
            },
          })
          .step('ends', {
            execute: async ({ signal }) => {
              await sleep(3_000, { clock: world.clock });
              log.push(signal.aborted ? 'told to stop' : 'let to end');
            },
          }),
      )
      .build();
    const engine = await world.engine([definition]);
    const failed = await world.settle(engine, definition, null);
    expect(failed).toMatchObject({ status: 'failed', error: { step: 'refuses' } });
    expect(log).toEqual(['let to end']);
  });

  test('of which nobody knows whether it was done is tried again, and no cancel is accepted meanwhile', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const definition = paid(world, log);
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, { capture: 'hangs' });
    await world.clock.advance('3s');
    await expect(engine.cancel(sagaId)).rejects.toMatchObject({ code: 'SAGA_PAST_PIVOT' });
    await world.clock.advance('30s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'completed' });
    expect(log).toEqual(['captured']);
  });
});
