import { Rejection } from 'potter-runtime/errors';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld } from '../saga-world.ts';

interface Order {
  readonly cents: number;
  readonly carrier: string;
  readonly refuse?: boolean;
}

function ordered(log: string[], asked: string[] = []) {
  const step = (name: string) => ({
    execute: () => {
      log.push(name);
      return name;
    },
    compensate: () => void log.push(`undo ${name}`),
  });
  return saga<Order, InMemoryTransaction>('ordered')
    .when(
      'is-large',
      ({ input }) => {
        asked.push('is-large');
        return input.cents > 100;
      },
      (large) => large.step('verify', step('verify')).step('insure', step('insure')),
      { skipped: 'The order is small.' },
    )
    .choose('speed', (speed) =>
      speed
        .when(
          'express',
          ({ input }) => input.cents > 1_000,
          (b) => b.step('by-air', step('by-air')),
        )
        .when(
          'fast',
          ({ input }) => input.cents > 500,
          (b) => b.step('by-road', step('by-road')),
        )
        .otherwise((b) => b.step('by-sea', step('by-sea'))),
    )
    .switch(
      'carrier',
      ({ input }) => input.carrier,
      (carrier) =>
        carrier
          .case('blue', (b) => b.step('call-blue', step('call-blue')))
          .case('red', (b) => b.step('call-red', step('call-red'))),
    )
    .step('end', {
      execute: ({ input, results }) => {
        if (input.refuse) throw new Rejection('REFUSED', 'No.');
        return results.verify ?? 'not verified';
      },
    })
    .build();
}

describe('a choice', () => {
  test.each([
    { holds: 'the first', value: 1, way: 'small', asked: ['small'] },
    { holds: 'one, and the one after it would too', value: 5, way: 'small', asked: ['small'] },
    { holds: 'the second', value: 50, way: 'medium', asked: ['small', 'medium'] },
    { holds: 'none', value: 500, way: 'large', asked: ['small', 'medium'] },
  ])('goes the first way that holds and asks no further: $holds', async ({ value, way, asked }) => {
    const world = await openWorld();
    const questions: string[] = [];
    const below = (name: string, most: number) => () => {
      questions.push(name);
      return value <= most;
    };
    const definition = saga<null, InMemoryTransaction>('ways')
      .choose('size', (size) =>
        size
          .when('is-small', below('small', 10), (b) => b.step('small', { execute: () => 'c' }))
          .when('is-medium', below('medium', 100), (b) => b.step('medium', { execute: () => 'c' }))
          .otherwise((b) => b.step('large', { execute: () => 'c' })),
      )
      .build();
    const engine = await world.engine([definition]);
    const { status, results } = await world.settle(engine, definition, null);
    expect([status, results, questions]).toEqual(['completed', { [way]: 'c' }, asked]);
  });

  test.each([
    { value: 'blue', way: 'by-blue' },
    { value: 'green', way: 'by-any' },
  ])('by a value goes its way, or the one for all others: $value', async ({ value, way }) => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('values')
      .switch(
        'carrier',
        () => value,
        (carrier) =>
          carrier
            .case('red', (b) => b.step('by-red', { execute: () => 'c' }))
            .case('blue', (b) => b.step('by-blue', { execute: () => 'c' }))
            .otherwise((b) => b.step('by-any', { execute: () => 'c' })),
      )
      .build();
    const engine = await world.engine([definition]);
    const { status, results } = await world.settle(engine, definition, null);
    expect([status, results]).toEqual(['completed', { [way]: 'c' }]);
  });

  test('whose condition throws undoes a saga that is to be undone after defects', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('broken', { onDefect: 'compensate' })
      .step('a', { execute: () => 'a', compensate: () => {} })
      .when(
        'asks',
        () => {
          throw new TypeError('A defect.');
        },
        (b) => b.step('b', { execute: () => 'b' }),
      )
      .build();
    const engine = await world.engine([definition]);
    expect(await world.settle(engine, definition, null)).toMatchObject({
      status: 'compensated',
      error: { step: 'asks', message: 'A defect.' },
    });
  });

  test('goes the way whose condition holds, and says why the rest was skipped', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const definition = ordered(log);
    const engine = await world.engine([definition]);
    const done = await world.settle(engine, definition, { cents: 600, carrier: 'none' });
    expect(done).toMatchObject({ status: 'completed', results: { end: 'verify' } });
    expect(log).toEqual(['verify', 'insure', 'by-road']);
    const { history } = await engine.history(done.sagaId);
    const skipped = history.filter(({ status }) => status === 'skipped');
    expect(skipped.map(({ step, error }) => [step, error?.message])).toEqual([
      ['by-air', "Another way than 'express' was taken at 'speed'."],
      ['by-sea', "Another way than 'otherwise' was taken at 'speed'."],
      ['call-blue', "The value of 'carrier' was not 'blue'."],
      ['call-red', "The value of 'carrier' was not 'red'."],
    ]);
  });

  test('is not asked again, and what was skipped is not undone', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const asked: string[] = [];
    const definition = ordered(log, asked);
    const engine = await world.engine([definition]);
    const undone = await world.settle(engine, definition, {
      cents: 50,
      carrier: 'red',
      refuse: true,
    });
    expect(undone).toMatchObject({ status: 'compensated', error: { code: 'REFUSED' } });
    expect(log).toEqual(['by-sea', 'call-red', 'undo call-red', 'undo by-sea']);
    expect(asked).toEqual(['is-large']);
    const { history } = await engine.history(undone.sagaId);
    expect(history.filter(({ step }) => step === 'verify')).toMatchObject([
      { status: 'skipped', error: { message: 'The order is small.' } },
    ]);
  });

  test('whose condition throws waits for a person, and is asked again after that', async () => {
    const world = await openWorld();
    let broken = true;
    const definition = saga<null, InMemoryTransaction>('broken')
      .when(
        'asks',
        () => {
          if (broken) throw new TypeError('A defect.');
          return true;
        },
        (b) => b.step('a', { execute: () => 'a' }),
      )
      .step('b', { execute: () => 'b' })
      .build();
    const engine = await world.engine([definition]);
    const failed = await world.settle(engine, definition, null);
    expect(failed).toMatchObject({ status: 'failed', error: { step: 'asks' } });
    broken = false;
    await engine.resume(failed.sagaId);
    const done = await world.settled(engine, failed.sagaId);
    expect(done.results).toEqual({ a: 'a', b: 'b' });
  });
});
