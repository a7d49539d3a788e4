import { Rejection } from 'potter-runtime/errors';
import { sleep } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, type SagaDefinition } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, type SagaWorld } from '../saga-world.ts';

interface Branch {
  readonly takesMs: number;
  readonly refuses?: boolean;
}

/** Three branches, of which any may refuse after its time. */
function branches(
  world: SagaWorld,
  log: string[],
  plan: Readonly<Record<'a' | 'b' | 'c', Branch>>,
  undo: 'reverse' | 'parallel' = 'reverse',
): SagaDefinition<null, InMemoryTransaction> {
  const step = (name: 'a' | 'b' | 'c') => ({
    execute: async ({ signal }: { readonly signal: AbortSignal }) => {
      log.push(`do ${name}`);
      await sleep(plan[name].takesMs, { clock: world.clock, signal });
      if (plan[name].refuses) throw new Rejection('REFUSED', `No from ${name}.`);
      log.push(`done ${name}`);
      return name;
    },
    compensate: async ({ outcome }: { readonly outcome: string }) => {
      log.push(`undo ${name} ${outcome}`);
      await sleep(100, { clock: world.clock });
      log.push(`undone ${name}`);
    },
  });
  return saga<null, InMemoryTransaction>('branches')
    .step('first', { execute: () => 'first', compensate: () => void log.push('undo first') })
    .parallel('all', (p) => p.step('a', step('a')).step('b', step('b')).step('c', step('c')), {
      undo,
    })
    .step('last', { execute: ({ results }) => `${results.a}${results.b}${results.c}` })
    .build();
}

describe('parallel branches', () => {
  test('take as long as the slowest of them, and all results are there', async () => {
    const world = await openWorld();
    const plan = { a: { takesMs: 1_000 }, b: { takesMs: 3_000 }, c: { takesMs: 2_000 } };
    const definition = branches(world, [], plan);
    const engine = await world.engine([definition]);
    const began = world.clock.now().getTime();
    const done = await world.settle(engine, definition, null);
    expect(done).toMatchObject({
      status: 'completed',
      results: { a: 'a', b: 'b', c: 'c', last: 'abc' },
    });
    expect(world.clock.now().getTime() - began).toBeLessThan(3_900);
    const { history } = await engine.history(done.sagaId);
    const [a, b] = ['a', 'b'].map((name) => history.find(({ step }) => step === name));
    expect(b?.startedAt.getTime()).toBeLessThan(a?.finishedAt?.getTime() ?? 0);
  });

  test('the first to fail stops the others; each that was started is undone once, last start first', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const plan = {
      a: { takesMs: 500 },
      b: { takesMs: 1_000, refuses: true },
      c: { takesMs: 60_000 },
    };
    const definition = branches(world, log, plan);
    const engine = await world.engine([definition]);
    const undone = await world.settle(engine, definition, null);
    expect(undone).toMatchObject({ status: 'compensated', error: { code: 'REFUSED', step: 'b' } });
    expect(log).toEqual([
      'do a',
      'do b',
      'do c',
      'done a',
      'undo c unknown',
      'undone c',
      'undo b failed',
      'undone b',
      'undo a done',
      'undone a',
      'undo first',
    ]);
    // No retry is announced that is not to be.
    const failed = (await world.events(undone.sagaId)).filter(
      ({ type }) => type === 'AttemptFailed',
    );
    expect(failed).toMatchObject([
      { path: 'b', retryAt: null },
      { path: 'c', retryAt: null },
    ]);
  });

  test('one that ends well although it was told to stop is followed by nothing', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const definition = saga<null, InMemoryTransaction>('obeys')
      .parallel('all', (all) =>
        all
          .step('refuses', {
            execute: async () => {
              await sleep(500, { clock: world.clock });
              throw new Rejection('REFUSED', 'No.');
            },
          })
          .branch((branch) =>
            branch
              .step('obeys', {
                execute: ({ signal }) =>
                  new Promise<string>((resolve) => {
                    signal.addEventListener('abort', () => resolve('done'), { once: true });
                  }),
                compensate: ({ outcome }) => void log.push(`undo obeys ${outcome}`),
              })
              .step('next', { execute: () => void log.push('next') }),
          )
          .step('deaf', {
            execute: () => sleep(900, { clock: world.clock }),
            compensate: ({ outcome }) => void log.push(`undo deaf ${outcome}`),
          }),
      )
      .build();
    const engine = await world.engine([definition]);
    expect(await world.settle(engine, definition, null)).toMatchObject({ status: 'compensated' });
    expect(log).toEqual(['undo deaf done', 'undo obeys done']);
  });

  test('can be undone at the same time', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const plan = { a: { takesMs: 10 }, b: { takesMs: 20 }, c: { takesMs: 1_000, refuses: true } };
    const definition = branches(world, log, plan, 'parallel');
    const engine = await world.engine([definition]);
    expect(await world.settle(engine, definition, null)).toMatchObject({ status: 'compensated' });
    expect(log.slice(-7).toSorted()).toEqual(
      [
        'undo a done',
        'undo b done',
        'undo c failed',
        'undone a',
        'undone b',
        'undone c',
        'undo first',
      ].toSorted(),
    );
    expect(log.slice(-7, -4).every((line) => line.startsWith('undo '))).toBe(true);
    expect(log.at(-1)).toBe('undo first');
  });

  test('one that waits for its retry is no reason to look at the clock while another stops', async () => {
    const world = await openWorld();
    let commits = 0;
    const definition = saga<null, InMemoryTransaction>('busy')
      .parallel('all', (p) =>
        p
          .step('retries', {
            execute: () => {
              throw new Error('Later.');
            },
          })
          .step('refuses', {
            execute: async () => {
              await sleep(500, { clock: world.clock });
              throw new Rejection('REFUSED', 'No.');
            },
          })
          .step('deaf', { execute: () => new Promise<null>(() => {}) }),
      )
      .build();
    const engine = await world.engine([definition], {
      grace: '20s',
      store: world.counted((count) => (commits = count)),
    });
    expect(await world.settle(engine, definition, null)).toMatchObject({
      status: 'compensated',
      error: { code: 'REFUSED' },
    });
    expect(commits).toBeLessThan(20);
  });
});
