import { Rejection } from 'potter-runtime/errors';
import {
  checkCompat,
  describeDefinition,
  type InMemoryTransaction,
  saga,
  type SagaDefinition,
  type SagaOptions,
} from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { openWorld, sampled } from '../saga-world.ts';

type Definition = SagaDefinition<boolean, InMemoryTransaction>;
type Place = 'sequence' | 'parallel' | 'choice' | 'child';
type Direction = 'do' | 'undo';

const forever = (): Promise<never> => new Promise<never>(() => {});

/** Where a process is caught: in this step, doing or undoing it. */
interface Stop {
  readonly name: string;
  readonly direction: Direction;
}

interface Version {
  readonly version: number;
  readonly names: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  /** Notes the keys of what was done and undone. */
  readonly log: string[];
  readonly stop?: Stop;
}

/** Steps of these names in one place of a graph, then one that refuses when the saga is started with true. */
function definitionOf(
  place: Place,
  { version, names, rename = {}, log, stop }: Version,
): Definition {
  const attempt =
    (name: string, direction: Direction) =>
    ({ key }: { readonly key: string }) => {
      const [, step = '', kind = ''] = key.split('/');
      log.push(`${kind} ${step}`);
      return stop?.name === name && stop.direction === direction ? forever() : undefined;
    };
  const stepOf = (name: string) => ({
    execute: attempt(name, 'do'),
    compensate: attempt(name, 'undo'),
    timeout: '1h' as const,
  });
  const options = {
    version,
    ...(version > 1 && { migrateFrom: { 1: place === 'child' ? {} : { rename } } }),
  };
  const last = {
    execute: ({ input }: { readonly input: boolean }) => {
      if (input) throw new Rejection('REFUSED', 'The last step says no.');
    },
  };
  const start = saga<boolean, InMemoryTransaction>('evolving', options);
  switch (place) {
    case 'sequence': {
      let steps = start;
      for (const name of names) steps = steps.step(name, stepOf(name));
      return steps.step('last', last).build();
    }
    case 'parallel':
      return start
        .parallel('both', (parallel) =>
          parallel
            .branch((branch) => {
              let steps = branch;
              for (const name of names) steps = steps.step(name, stepOf(name));
              return steps;
            })
            .step('side', { execute: () => null }),
        )
        .step('last', last)
        .build();
    case 'choice':
      return start
        .when(
          'taken',
          () => true,
          (branch) => {
            let steps = branch;
            for (const name of names) steps = steps.step(name, stepOf(name));
            return steps;
          },
        )
        .step('last', last)
        .build();
    case 'child': {
      let steps = saga<null, InMemoryTransaction>('inner', {
        version,
        ...(version > 1 && { migrateFrom: { 1: { rename } } }),
      });
      for (const name of names) steps = steps.step(name, stepOf(name));
      return start
        .child('inner', steps.build(), { input: () => null })
        .step('last', last)
        .build();
    }
  }
}

/** What a definition is changed to. */
const CHANGES: readonly {
  readonly what: string;
  readonly names: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
}[] = [
  { what: 'a step added behind', names: ['a', 'b', 'c', 'd'] },
  { what: 'a step added before', names: ['new', 'a', 'b', 'c'] },
  { what: 'a step added between', names: ['a', 'b', 'new', 'c'] },
  { what: 'a step removed', names: ['a', 'b'] },
  { what: 'a step renamed, and said to be', names: ['a', 'bee', 'c'], rename: { b: 'bee' } },
  { what: 'a step renamed without a word', names: ['a', 'bee', 'c'] },
  { what: 'steps reordered', names: ['a', 'c', 'b'] },
  {
    what: 'all renamed, and one added behind',
    names: ['eh', 'bee', 'see', 'd'],
    rename: { a: 'eh', b: 'bee', c: 'see' },
  },
];

const OLD = ['a', 'b', 'c'];
const STOPS: readonly Stop[] = (['do', 'undo'] as const).flatMap((direction) =>
  OLD.map((name) => ({ name, direction })),
);

/** A saga goes on when what it has begun is what the new order begins with. */
function canGoOn(
  begun: readonly string[],
  { names, rename = {} }: (typeof CHANGES)[number],
): boolean {
  const known = begun.map((name) => rename[name] ?? name).toSorted();
  return names.slice(0, begun.length).toSorted().join() === known.join();
}

interface Case {
  readonly place: Place;
  readonly change: (typeof CHANGES)[number];
  readonly stop: Stop;
}

const CASES: readonly Case[] = (['sequence', 'parallel', 'choice', 'child'] as const).flatMap(
  (place) => CHANGES.flatMap((change) => STOPS.map((stop) => ({ place, change, stop }))),
);

const begunOf = ({ stop }: Case): readonly string[] =>
  stop.direction === 'undo' ? OLD : OLD.slice(0, OLD.indexOf(stop.name) + 1);

const goesOn = (one: Case): boolean => {
  const { place, change, stop } = one;
  // In the same row of steps the one that refused was begun too.
  return place === 'sequence' && stop.direction === 'undo'
    ? canGoOn([...begunOf(one), 'last'], { ...change, names: [...change.names, 'last'] })
    : canGoOn(begunOf(one), change);
};

/** A saga of version 1 whose process died where it was caught, and the version that its definition was changed to. */
async function caughtSaga({ place, change, stop }: Case) {
  const world = await openWorld();
  const log: string[] = [];
  const old = definitionOf(place, { version: 1, names: OLD, log, stop });
  const first = await world.engine([old]);
  const { sagaId } = await first.start(old, stop.direction === 'undo');
  await world.clock.advance(100);
  expect(log.at(-1)).toBe(`${stop.direction} ${stop.name}`);
  await world.clock.settle(first.stop({ timeout: 0 }));
  const next = definitionOf(place, { version: 2, log, ...change });
  const mended = definitionOf(place, { version: 1, names: OLD, log });
  return {
    world,
    log,
    sagaId,
    caught: place === 'child' ? `${sagaId}::inner` : sagaId,
    next,
    mended,
  };
}

const linesOf = (log: readonly string[], kind: Direction): ReadonlySet<string> =>
  new Set(log.filter((line) => line.startsWith(`${kind} `)));

describe('a saga that is under way when its definition changes', () => {
  test.each(sampled(CASES.filter(goesOn)))(
    'goes on under the new version: $place, $change.what, caught when it was to $stop.direction $stop.name',
    async (one) => {
      const { world, log, sagaId, caught, next } = await caughtSaga(one);
      const engine = await world.engine([next]);
      await world.settled(engine, sagaId);
      const refused = one.stop.direction === 'undo';
      const end = await engine.get(caught);
      expect([end.status, end.definitionVersion]).toEqual([
        refused ? 'compensated' : 'completed',
        2,
      ]);
      // What was begun keeps its key under whatever name, and nothing else is done or undone.
      const begun = begunOf(one);
      const steps = refused ? begun : [...begun, ...one.change.names.slice(begun.length)];
      expect(linesOf(log, 'do')).toEqual(new Set(steps.map((name) => `do ${name}`)));
      expect(linesOf(log, 'undo')).toEqual(
        new Set(refused ? OLD.map((name) => `undo ${name}`) : []),
      );
    },
  );

  test.each(sampled(CASES.filter((one) => !goesOn(one))))(
    'stands still until its own version is back: $place, $change.what, caught when it was to $stop.direction $stop.name',
    async (one) => {
      const { world, log, sagaId, caught, next, mended } = await caughtSaga(one);
      const engine = await world.engine([next]);
      const view = await world.settled(engine, caught);
      const parked = [view.status, view.error?.code, view.definitionVersion];
      expect(parked).toEqual(['failed', 'SAGA_DEFINITION_CHANGED', 1]);
      // As often as it is tried here: it does nothing.
      const before = log.length;
      await engine.resume(caught);
      expect((await world.settled(engine, caught)).status).toBe('failed');
      expect(log).toHaveLength(before);
      await world.clock.settle(engine.stop());
      const both = await world.engine([mended, next]);
      await both.resume(caught);
      await world.settled(both, sagaId);
      const refused = one.stop.direction === 'undo';
      const end = await both.get(caught);
      expect([end.status, end.definitionVersion]).toEqual([
        refused ? 'compensated' : 'completed',
        1,
      ]);
      expect(linesOf(log, 'do')).toEqual(new Set(OLD.map((name) => `do ${name}`)));
      expect(linesOf(log, 'undo')).toEqual(
        new Set(refused ? OLD.map((name) => `undo ${name}`) : []),
      );
    },
  );

  test('is spoken of by checkCompat before, wherever it is', () => {
    const log: string[] = [];
    const forwards = CASES.filter(
      ({ place, stop }) => place !== 'child' && stop.direction === 'do',
    );
    const verdicts = forwards.map(({ place, change, stop }) => {
      const old = describeDefinition(definitionOf(place, { version: 1, names: OLD, log }));
      const next = definitionOf(place, { version: 2, log, ...change });
      return checkCompat(old, next).every(({ at }) => at !== stop.name);
    });
    expect(verdicts).toEqual(forwards.map(goesOn));
    expect(new Set(verdicts)).toEqual(new Set([true, false]));
  });

  test('goes on under the new version wherever the process dies that migrates it', async () => {
    for (let at = 1; at <= 6; at += 1) {
      for (const mode of ['before', 'after'] as const) {
        const world = await openWorld();
        const log: string[] = [];
        const stop = { name: 'b', direction: 'do' } as const;
        const old = definitionOf('sequence', { version: 1, names: OLD, log, stop });
        const first = await world.engine([old]);
        const { sagaId } = await first.start(old, false);
        await world.clock.advance(100);
        await world.clock.settle(first.stop({ timeout: 0 }));
        let calls = 0;
        const dying = interceptSagaStore(world.store, async (call, proceed) => {
          if (call.method === 'listen') return proceed();
          calls += 1;
          if (calls > at || (calls === at && mode === 'before')) return forever();
          const value = await proceed();
          return calls >= at ? forever() : value;
        });
        const change = { names: ['a', 'bee', 'c'], rename: { b: 'bee' } };
        const next = definitionOf('sequence', { version: 2, log, ...change });
        const doomed = world.idle([next], { store: dying, workerId: 'doomed' });
        void doomed.run();
        await world.clock.advance(100);
        await world.store.deregister('doomed');
        const last = await world.engine([next]);
        const view = await world.settled(last, sagaId);
        expect([view.status, view.definitionVersion]).toEqual(['completed', 2]);
        const events = await world.events(sagaId);
        expect(events.filter(({ type }) => type === 'DefinitionMigrated')).toHaveLength(1);
        expect(new Set(log)).toEqual(new Set(['do a', 'do b', 'do c']));
        const { history } = await last.history(sagaId);
        expect(history.filter(({ status }) => status === 'running')).toEqual([]);
      }
    }
  });

  test('finishes on its own version where that is registered, whatever the newer one would take over', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const old = definitionOf('sequence', { version: 1, names: OLD, log });
    const { sagaId } = await world.idle([old]).start(old, false);
    const next = definitionOf('sequence', { version: 2, names: ['a'], log });
    const engine = await world.engine([next, old]);
    const view = await world.settled(engine, sagaId);
    expect([view.status, view.definitionVersion]).toEqual(['completed', 1]);
  });

  test('is parked where nobody takes its version over, is found by a query and a gauge, and goes on as soon as somebody does', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const old = definitionOf('sequence', { version: 1, names: OLD, log });
    const { sagaId } = await world.idle([old]).start(old, false);
    const gauges = new Map<string, () => number | Promise<number>>();
    const meter = {
      counter: () => ({ add: () => {} }),
      histogram: () => ({ record: () => {} }),
      gauge: (name: string, _options: object, read: () => number | Promise<number>) =>
        void gauges.set(name, read),
    };
    const other = saga<boolean, InMemoryTransaction>('evolving', { version: 2 })
      .step('a', { execute: () => void log.push('wrong version') })
      .build();
    const engine = await world.engine([other], { meter });
    await world.clock.advance('5m');
    expect(await gauges.get('potter_sagas_definition_unknown')?.()).toBe(1);
    const parked = await engine.list({ runnable: false });
    expect(parked.map((listing) => [listing.sagaId, listing.definitionVersion])).toEqual([
      [sagaId, 1],
    ]);
    const view = await engine.get(sagaId);
    expect([view.status, view.versionMissing]).toEqual(['pending', true]);
    expect(log).toEqual([]);
    const right = await world.engine([old]);
    const end = await world.settled(right, sagaId);
    expect([end.status, end.versionMissing]).toEqual(['completed', undefined]);
  });

  test.each<[string, SagaOptions<null>]>([
    ['from itself', { version: 2, migrateFrom: { 2: {} } }],
    ['to a step that is not there', { version: 2, migrateFrom: { 1: { rename: { a: 'gone' } } } }],
    ['two steps to one', { version: 2, migrateFrom: { 1: { rename: { a: 'only', b: 'only' } } } }],
  ])('a migration that leads nowhere is refused: %s', (_, options) => {
    expect(() =>
      saga<null>('refused', options)
        .step('only', { execute: () => null })
        .build(),
    ).toThrow(expect.objectContaining({ code: 'SAGA_DEFINITION_INVALID' }));
  });
});
