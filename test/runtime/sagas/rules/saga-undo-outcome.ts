import { PotterError, Rejection } from 'potter-runtime/errors';
import { noRetry, simpleRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld } from '../saga-world.ts';

const refusal = (): never => {
  throw new Rejection('REFUSED', 'No.');
};
const hangs = (): Promise<never> => new Promise<never>(() => {});

/** How a step came to its end before the saga turned round, and what its undo is told of that. */
interface Ending {
  readonly step: string;
  readonly execute: (attempt: number) => unknown;
  /** Its process dies in its first attempt; `cancelled`: by the time another one is there, the saga is to stop. */
  readonly dies?: 'cancelled' | 'in vain';
  readonly outcome: 'done' | 'failed' | 'unknown';
  readonly result?: string;
}

const ENDINGS: readonly Ending[] = [
  { step: 'was done', execute: () => 'result', outcome: 'done', result: 'result' },
  { step: 'said no', execute: refusal, outcome: 'failed' },
  {
    step: 'gave up',
    execute: () => {
      throw new Error('not well');
    },
    outcome: 'failed',
  },
  { step: 'did not answer in time', execute: hangs, outcome: 'unknown' },
  {
    step: 'has an answer that is missing',
    execute: () => {
      throw new PotterError('TIMEOUT', { message: 'The participant did not answer.' });
    },
    outcome: 'unknown',
  },
  {
    step: 'did not answer in time and then said no',
    execute: (attempt) => (attempt === 1 ? hangs() : refusal()),
    outcome: 'unknown',
  },
  {
    step: 'did not answer in time and was done then',
    execute: (attempt) => (attempt === 1 ? hangs() : 'second'),
    outcome: 'done',
    result: 'second',
  },
  { step: 'lost its process in the middle', execute: hangs, dies: 'cancelled', outcome: 'unknown' },
  {
    step: 'lost its process and then said no',
    execute: (attempt) => (attempt === 1 ? hangs() : refusal()),
    dies: 'in vain',
    outcome: 'unknown',
  },
  {
    step: 'lost its process and was done then',
    execute: (attempt) => (attempt === 1 ? hangs() : 'second'),
    dies: 'in vain',
    outcome: 'done',
    result: 'second',
  },
];

/** What the undo of a step that ended so is told; nothing when it is not undone. */
async function undoOf(
  { execute, dies }: Ending,
  compensateWhen: 'attempted' | 'completed',
): Promise<readonly unknown[]> {
  const world = await openWorld();
  const undone: unknown[] = [];
  const definition = saga<null, InMemoryTransaction>('turns-round')
    .step('it', {
      execute: ({ attempt }) => execute(attempt),
      compensateWhen,
      compensate: ({ outcome, result }) => void undone.push([outcome, result]),
      retry: simpleRetry({ maxAttempts: 2, delay: 10 }),
      timeout: '5s',
    })
    .step('last', { execute: refusal })
    .build();
  let engine = await world.engine([definition]);
  const { sagaId } = await engine.start(definition, null);
  if (dies) {
    await world.clock.advance(10);
    if (dies === 'cancelled') await world.idle([definition]).cancel(sagaId);
    await world.kill('worker-1');
    engine = await world.engine([definition]);
  }
  expect((await world.settled(engine, sagaId)).status).toBe('compensated');
  return undone;
}

describe('of a saga that turns round', () => {
  test.each(ENDINGS)(
    'a step that $step is undone, and told that it is $outcome',
    async (ending) => {
      expect(await undoOf(ending, 'attempted')).toEqual([[ending.outcome, ending.result]]);
    },
  );

  test.each(ENDINGS)(
    'a step that $step, and is undone only when it was done, is told so or left alone',
    async (ending) => {
      const told = ending.outcome === 'done' ? [['done', ending.result]] : [];
      expect(await undoOf(ending, 'completed')).toEqual(told);
    },
  );

  test('a transactional step that stops as it is told was rolled back, and its undo is told that it failed', async () => {
    const world = await openWorld();
    const undone: string[] = [];
    const definition = saga<null, InMemoryTransaction>('rolled-back')
      .transactionalStep('it', {
        execute: ({ signal }) =>
          new Promise<never>((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
        compensate: ({ outcome }) => void undone.push(outcome),
        retry: noRetry,
        timeout: '1s',
      })
      .build();
    const engine = await world.engine([definition]);
    expect(await world.settle(engine, definition, null)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_STEP_TIMED_OUT' },
    });
    expect(undone).toEqual(['failed']);
  });
});
