import { Rejection } from 'potter-runtime/errors';
import { type InMemoryTransaction, saga, type SagaEngine } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, type SagaWorld, signalled } from '../saga-world.ts';

type Engine = SagaEngine<InMemoryTransaction>;

/** What happens while a step is being undone. */
interface Disturbance {
  readonly what: string;
  readonly happens: (world: SagaWorld, engine: Engine, sagaId: string) => Promise<unknown>;
  /** The undo is tried again elsewhere, under the same key: its process would not wait for it. */
  readonly twice?: true;
}

const DISTURBANCES: readonly Disturbance[] = [
  { what: 'a cancel', happens: (_world, engine, sagaId) => engine.cancel(sagaId) },
  {
    what: 'a cancel from another process',
    happens: (world, _engine, sagaId) => world.idle([]).cancel(sagaId),
  },
  { what: 'the end of the saga’s time', happens: ({ clock }) => clock.advance('2m') },
  {
    what: 'a pause',
    happens: async (world, engine, sagaId) => {
      await engine.pause(sagaId);
      await world.clock.advance(10);
      await engine.resume(sagaId);
    },
  },
  {
    what: 'a shutdown that has time',
    happens: async ({ clock }, engine) => {
      void engine.stop({ timeout: '1m' });
      await clock.advance('30s');
    },
  },
  {
    what: 'a shutdown that has none',
    happens: ({ clock }, engine) => clock.settle(engine.stop({ timeout: 0 })),
    twice: true,
  },
];

describe('an undo under way', () => {
  test.each(DISTURBANCES)(
    'is not told to stop by $what, and its saga ends as it would have',
    async ({ happens, twice }) => {
      const world = await openWorld();
      const gate = signalled();
      const keys: string[] = [];
      const aborted: boolean[] = [];
      const definition = saga<null, InMemoryTransaction>('undone', { timeout: '1m' })
        .step('first', {
          execute: () => 1,
          compensate: async ({ key, signal }) => {
            keys.push(key);
            await gate.promise;
            aborted.push(signal.aborted);
          },
          timeout: '1h',
        })
        .step('second', {
          execute: () => {
            throw new Rejection('REFUSED', 'No.');
          },
        })
        .build();
      const engine = await world.engine([definition]);
      const { sagaId } = await engine.start(definition, null);
      await world.clock.advance(10);
      await happens(world, engine, sagaId);
      const next = await world.engine([definition]);
      await world.clock.advance('2s');
      gate.resolve();
      expect(await world.settled(next, sagaId)).toMatchObject({
        status: 'compensated',
        error: { code: 'REFUSED' },
      });
      await world.clock.advance('1s');
      const times = twice ? 2 : 1;
      expect(keys).toEqual(Array.from({ length: times }, () => `${sagaId}/first/undo`));
      expect(aborted).toEqual(keys.map(() => false));
    },
  );
});
