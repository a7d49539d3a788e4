import { type InMemoryTransaction, saga, signal } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld } from '../saga-world.ts';
import { onStage, Stage } from '../stage.ts';

interface Input {
  readonly vip: boolean;
}

const approval = signal('approval');

describe('a rewind beside other branches', () => {
  test('in one branch gives what gave up in another its retries anew', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('fork')
        .parallel('both', (both) =>
          both.step('left', stage.step('left')).step('right', stage.step('right')),
        )
        .build(),
    );
    stage.let('left', 'defect');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    stage.let('left');
    await engine.rewind(sagaId, 'right');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    expect(stage.log).toEqual(['left/do', 'right/do', 'right/undo', 'left/do', 'right~1/do']);
  });

  test('in one branch leaves alone a child that another branch began before it', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const child = saga<null, InMemoryTransaction>('delivery').step('send', stage.step('send'));
    const definition = saga<Input, InMemoryTransaction>('branches')
      .parallel('all', (all) =>
        all
          .branch((one) => one.child('deliver', child.build(), { input: () => null }))
          .step('bill', stage.step('bill')),
      )
      .build();
    const engine = await world.engine([definition]);
    stage.let('bill', 'hold');
    const { sagaId } = await engine.start(definition, { vip: false });
    await world.clock.advance('1s');
    stage.release('bill', 'defect');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'failed' });
    stage.let('bill');
    await engine.rewind(sagaId, 'bill');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      results: { deliver: { status: 'completed' } },
    });
    expect(stage.log).toEqual(['bill/do', 'send/do', 'bill/undo', 'bill~1/do']);
  });

  test('in one branch keeps the signal that another branch heard after it, and what that decided', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('fork')
        .parallel('both', (both) =>
          both.step('work', stage.step('work')).branch((other) =>
            other
              .waitFor('approved', approval)
              .when(
                'vip-only',
                ({ input }) => input.vip,
                (vip) => vip.step('v', stage.step('v')),
              )
              .step('book', stage.step('book')),
          ),
        )
        .build(),
    );
    stage.let('work', 'hold');
    const { sagaId } = await engine.start(definition, { vip: false });
    await engine.signal(sagaId, approval, 'once');
    await world.clock.advance('1s');
    stage.release('work', 'defect');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'failed' });
    stage.let('work');
    await engine.rewind(sagaId, 'work');
    // Nobody sends it again, and nobody has to.
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      results: { approved: 'once' },
    });
    expect(stage.log).toEqual([
      'work/do',
      'book/do',
      'book/undo',
      'work/undo',
      'work~1/do',
      'book~1/do',
    ]);
    const events = await world.events(sagaId);
    expect(events.filter(({ type }) => type === 'Decided')).toHaveLength(1);
  });

  test('in one branch leaves another waiting as it was, for the time that is left', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('fork')
        .parallel('both', (both) =>
          both
            .step('work', stage.step('work'))
            .branch((other) => other.waitFor('approved', approval, { timeout: '10s' })),
        )
        .build(),
    );
    stage.let('work', 'hold');
    const { sagaId } = await engine.start(definition, { vip: false });
    await world.clock.advance('5s');
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    await engine.rewind(sagaId, 'work');
    await world.clock.advance('3s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'running' });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_SIGNAL_TIMED_OUT' },
    });
    const types = (await world.events(sagaId)).map(({ type }) => type);
    expect(types.filter((type) => type === 'WaitStarted')).toHaveLength(1);
  });

  test('asks again for a signal that came after the step in the same branch', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('asks')
        .step('offer', stage.step('offer'))
        .waitFor('approved', approval)
        .step('z', stage.step('z'))
        .build(),
    );
    stage.let('z', 'defect');
    const { sagaId } = await engine.start(definition, { vip: false });
    await engine.signal(sagaId, approval, 'of the first offer');
    await world.settled(engine, sagaId);
    stage.let('z');
    await engine.rewind(sagaId, 'offer');
    await world.clock.advance('1m');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'running', currentStep: 'approved' });
    await engine.signal(sagaId, approval, 'of the second');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      results: { approved: 'of the second' },
    });
  });
});
