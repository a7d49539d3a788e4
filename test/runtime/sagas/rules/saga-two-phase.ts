import { simpleRetry } from 'potter-runtime/foundation';
import {
  type InMemoryTransaction,
  saga,
  TwoPhaseCoordinator,
  type TwoPhaseExecutor,
} from 'potter-runtime/sagas';
import { FakeTwoPhaseParticipant } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { openWorld, SagaWorld } from '../saga-world.ts';

interface Order {
  readonly quantity: number;
  readonly refusePayment?: boolean;
}

/** A saga world with two warehouses, and a saga that reserves in both and then takes a payment. */
class WarehouseWorld extends SagaWorld {
  readonly log = this.ground.log;
  readonly east = new FakeTwoPhaseParticipant('east', { clock: this.clock });
  readonly west = new FakeTwoPhaseParticipant('west', { clock: this.clock });
  readonly released: unknown[] = [];

  coordinator(): TwoPhaseCoordinator {
    return new TwoPhaseCoordinator({
      log: this.log,
      participants: [this.east, this.west],
      clock: this.clock,
      random: () => 0.5,
    });
  }

  definition(coordinator: TwoPhaseExecutor, retry = simpleRetry({ delay: '2s' })) {
    return saga<Order, InMemoryTransaction>('warehouse-order')
      .twoPhaseCommit('reserve', {
        coordinator,
        branches: ({ input, attempt }) =>
          ['east', 'west'].map((participant) => ({
            participant,
            // What a step makes need not be the same each time.
            work: { quantity: input.quantity, madeBy: attempt },
          })),
        compensate: ({ result, key, outcome }) => {
          this.released.push({ outcome, key, transactionId: result.transactionId });
        },
        retry,
        timeout: '5s',
      })
      .step('pay', {
        execute: ({ input }) => {
          if (input.refusePayment === true) throw new Error('no money');
          return 'paid';
        },
        retry: simpleRetry({ maxAttempts: 1 }),
      })
      .build();
  }
}

describe('a two-phase commit step', () => {
  test('commits at all participants, and its result has what each answered', async () => {
    const world = new WarehouseWorld((await openWorld()).ground);
    const definition = world.definition(world.coordinator());
    const engine = await world.engine([definition]);
    const { sagaId, status, results } = await world.settle(engine, definition, { quantity: 2 });
    expect(status).toBe('completed');
    expect(results['reserve']).toMatchObject({
      transactionId: `${sagaId}:reserve`,
      results: { east: { by: 'east' }, west: { by: 'west' } },
    });
    expect(world.released).toEqual([]);
    expect(await engine.diagram(sagaId)).toContain('[("reserve")]');
  });

  test('a refusal undoes the saga at once: nothing was committed, so nothing is released', async () => {
    const world = new WarehouseWorld((await openWorld()).ground);
    world.west.refuses = () => true;
    const definition = world.definition(world.coordinator());
    const engine = await world.engine([definition]);
    const { status, error, sagaId } = await world.settle(engine, definition, { quantity: 2 });
    expect(status).toBe('compensated');
    expect(error).toMatchObject({ code: 'REFUSED_BY_TEST', step: 'reserve' });
    expect(world.released).toEqual([]);
    expect([world.east.committed, world.east.held]).toEqual([[], []]);
    const { history } = await engine.history(sagaId);
    expect(history.filter(({ kind }) => kind === 'step')).toHaveLength(1);
  });

  test('what was committed is released when a later step fails', async () => {
    const world = new WarehouseWorld((await openWorld()).ground);
    const definition = world.definition(world.coordinator());
    const engine = await world.engine([definition]);
    const input = { quantity: 2, refusePayment: true };
    const { status, sagaId } = await world.settle(engine, definition, input);
    expect(status).toBe('compensated');
    expect(world.released).toEqual([
      { outcome: 'done', key: `${sagaId}/reserve/undo`, transactionId: `${sagaId}:reserve` },
    ]);
  });

  test('a participant that cannot be reached makes the attempt fail; the next begins a new transaction', async () => {
    const world = new WarehouseWorld((await openWorld()).ground);
    world.west.mode = 'down';
    const definition = world.definition(world.coordinator());
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, { quantity: 2 });
    await world.clock.advance('1s');
    expect((await world.log.get(`${sagaId}:reserve`))?.reason?.because).toBe('failed');
    world.west.mode = 'up';
    const { status, results } = await world.settled(engine, sagaId);
    expect(status).toBe('completed');
    expect(results['reserve']).toMatchObject({ transactionId: `${sagaId}:reserve~0~2` });
    expect(world.west.committed).toEqual([{ quantity: 2, madeBy: 2 }]);
    expect(world.east.held).toEqual([]);
  });

  test('what a later attempt committed is found by the undo past the transactions that failed, and released', async () => {
    const world = new WarehouseWorld((await openWorld()).ground);
    world.west.mode = 'down';
    const definition = world.definition(world.coordinator());
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, { quantity: 2, refusePayment: true });
    await world.clock.advance('1s');
    expect((await world.log.get(`${sagaId}:reserve`))?.reason?.because).toBe('failed');
    world.west.mode = 'up';
    expect((await world.settled(engine, sagaId)).status).toBe('compensated');
    expect(world.released).toMatchObject([{ transactionId: `${sagaId}:reserve~0~2` }]);
  });

  test('an undo while the transaction is undecided aborts it, and lets no late attempt begin another', async () => {
    const world = new WarehouseWorld((await openWorld()).ground);
    world.west.mode = 'silent';
    const coordinator = world.coordinator();
    const definition = world.definition(coordinator, simpleRetry({ maxAttempts: 1 }));
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, { quantity: 2 });
    await world.clock.advance('1s');
    await engine.cancel(sagaId);
    world.west.mode = 'up';
    expect((await world.settled(engine, sagaId)).status).toBe('compensated');
    expect(await world.log.get(`${sagaId}:reserve`)).toMatchObject({
      decision: 'abort',
      reason: { because: 'asked' },
    });
    expect([world.east.held, world.west.held, world.released]).toEqual([[], [], []]);
  });

  test('an undo after the decision to commit brings that to its end first, then releases', async () => {
    const world = new WarehouseWorld((await openWorld()).ground);
    const commit = world.west.commit.bind(world.west);
    world.west.commit = () => Promise.reject(new Error('not now'));
    const coordinator = world.coordinator();
    const definition = world.definition(coordinator, simpleRetry({ maxAttempts: 1 }));
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, { quantity: 2 });
    await world.clock.advance('8s');
    expect((await engine.get(sagaId)).status).toBe('compensating');
    expect(world.released).toEqual([]);
    world.west.commit = commit;
    expect((await world.settled(engine, sagaId)).status).toBe('compensated');
    expect(world.west.committed).toHaveLength(1);
    expect(world.released).toHaveLength(1);
  });

  test('a saga whose id is too long for a transaction has one all the same', async () => {
    const world = new WarehouseWorld((await openWorld()).ground);
    const definition = world.definition(world.coordinator());
    const engine = await world.engine([definition]);
    const sagaId = `order-${'x'.repeat(100)}-ü`;
    await engine.start(definition, { quantity: 1 }, { sagaId });
    const { results } = await world.settled(engine, sagaId);
    expect(results['reserve']).toMatchObject({
      transactionId: expect.stringMatching(/^sha256:/) as unknown,
    });
  });
});
