import { type InMemoryTransaction, saga, signal } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, unhurried } from '../saga-world.ts';
import { onStage, Stage } from '../stage.ts';

interface Input {
  readonly vip: boolean;
}

const approval = signal('approval');

function row(stage: Stage, timeout?: '1m') {
  return saga<Input, InMemoryTransaction>('row', timeout ? { timeout } : {})
    .step('a', stage.step('a'))
    .step('b', stage.step('b'))
    .step('c', stage.step('c'))
    .build();
}

describe('a rewind', () => {
  test('undoes what was begun from the step on, and does it again under new keys', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('c', 'defect');
    const { sagaId, status } = await world.settle(engine, definition, { vip: false });
    expect(status).toBe('failed');
    stage.let('c');
    await engine.rewind(sagaId, 'b', { by: 'ann' });
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed', error: null });
    expect(stage.log).toEqual(['a/do', 'b/do', 'c/do', 'c/undo', 'b/undo', 'b~1/do', 'c~1/do']);
    expect([...stage.causes]).toEqual(['SAGA_REWOUND']);
    const { history } = await engine.history(sagaId);
    expect(history.map(({ step, kind, status: how }) => `${kind} ${step} ${how}`)).toEqual([
      'step a completed',
      'step b completed',
      'step c failed',
      'compensation c compensated',
      'compensation b compensated',
      'step b completed',
      'step c completed',
    ]);
  });

  test('gives the saga its time anew, and may be made again', async () => {
    const { world, stage, definition, engine } = await onStage(
      (stage) => row(stage, '1m'),
      unhurried,
    );
    stage.let('c', 'defect');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    for (const key of ['c~1/do', 'c~2/do']) {
      await world.clock.advance('10m');
      await engine.rewind(sagaId, 'c');
      expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'failed' });
      expect(stage.log.at(-1)).toBe(key);
    }
    await world.clock.advance('10m');
    stage.let('c');
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    expect(stage.log.at(-1)).toBe('c~2/do');
  });

  test('stops the attempt that runs, waits for its end, and only then undoes it', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('b', 'hold');
    const { sagaId } = await engine.start(definition, { vip: false });
    await world.clock.advance('1s');
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    stage.let('b');
    await engine.rewind(sagaId, 'b');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    expect(stage.log).toEqual(['a/do', 'b/do', 'b/undo', 'b~1/do', 'c~1/do']);
    const types = (await world.events(sagaId)).map((event) =>
      'path' in event ? `${event.type} ${event.path}` : event.type,
    );
    expect(types.indexOf('AttemptFailed b')).toBeLessThan(types.lastIndexOf('AttemptStarted b'));
  });

  test('over parallel branches undoes those steps that were begun after it, in reverse order of the starts', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('fork')
        .step('a', stage.step('a'))
        .parallel('both', (both) =>
          both
            .branch((left) => left.step('l1', stage.step('l1')).step('l2', stage.step('l2')))
            .branch((right) => right.step('r1', stage.step('r1')).step('r2', stage.step('r2'))),
        )
        .step('z', stage.step('z'))
        .build(),
    );
    stage.let('r2', 'defect');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    stage.let('r2');
    const before = stage.log.length;
    await engine.rewind(sagaId, 'l1');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    expect(stage.log.slice(before)).toEqual([
      'r2/undo',
      'l2/undo',
      'r1/undo',
      'l1/undo',
      'l1~1/do',
      'r1~1/do',
      'l2~1/do',
      'r2~1/do',
      'z~1/do',
    ]);
  });

  test('to a choice decides anew, with the edited input; to a step in a branch it does not', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('choosy')
        .step('a', stage.step('a'))
        .choose('way', (way) =>
          way
            .when(
              'vip',
              ({ input }) => input.vip,
              (branch) => branch.step('v', stage.step('v')),
            )
            .otherwise((branch) => branch.step('o', stage.step('o'))),
        )
        .step('z', stage.step('z'))
        .build(),
    );
    stage.let('z', 'defect');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    await engine.edit(sagaId, { vip: true }, { merge: true });
    await engine.rewind(sagaId, 'o');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'failed' });
    expect(stage.log.slice(-2)).toEqual(['o~1/do', 'z~1/do']);
    stage.let('z');
    await engine.rewind(sagaId, 'way');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    expect(stage.log.slice(-4)).toEqual(['z~1/undo', 'o~1/undo', 'v~2/do', 'z~2/do']);
  });

  test('over a child undoes that saga, and begins another that is not mistaken for it', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const child = saga<Input, InMemoryTransaction>('child').step('k', stage.step('k')).build();
    const definition = saga<Input, InMemoryTransaction>('parent')
      .step('a', stage.step('a'))
      .child('kid', child, { input: ({ input }) => input })
      .step('z', stage.step('z'))
      .build();
    const engine = await world.engine([definition]);
    stage.let('z', 'defect');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    stage.let('z');
    stage.let('k', 'hold');
    await engine.rewind(sagaId, 'kid');
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'running', currentStep: 'kid' });
    expect(await engine.get(`${sagaId}::kid`)).toMatchObject({ status: 'compensated' });
    stage.release('k');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      results: { kid: { sagaId: `${sagaId}::kid~1`, status: 'completed' } },
    });
  });

  test('over a transactional step undoes it in a transaction with the journal', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const rows: string[] = [];
    const definition = saga<Input, InMemoryTransaction>('stored')
      .transactionalStep('write', {
        execute: ({ tx, key }) => tx.onCommit(() => void rows.push(key)),
        compensate: ({ tx, key }) => tx.onCommit(() => void rows.push(key)),
      })
      .step('z', stage.step('z'))
      .build();
    const engine = await world.engine([definition]);
    stage.let('z', 'defect');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    stage.let('z');
    await engine.rewind(sagaId, 'write');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    expect(rows.map((key) => key.slice(sagaId.length + 1))).toEqual([
      'write/do',
      'write/undo',
      'write~1/do',
    ]);
  });

  test('to a wait asks again; the signal that was used up is not used twice', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('asks')
        .waitFor('approved', approval)
        .step('z', stage.step('z'))
        .build(),
    );
    stage.let('z', 'defect');
    const { sagaId } = await engine.start(definition, { vip: false });
    await engine.signal(sagaId, approval, 'first');
    await world.settled(engine, sagaId);
    stage.let('z');
    await engine.rewind(sagaId, 'approved');
    await world.clock.advance('1m');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'running', currentStep: 'approved' });
    await engine.signal(sagaId, approval, 'second');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      results: { approved: 'second' },
    });
    const { history } = await engine.history(sagaId);
    expect(history.filter(({ step }) => step === 'approved')).toHaveLength(2);
  });

  test('to the step after a wait does not ask again; from within a wait, to what came before it, ends that wait', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('asks')
        .step('a', stage.step('a'))
        .waitFor('approved', approval)
        .step('z', stage.step('z'))
        .build(),
    );
    stage.let('z', 'defect');
    const { sagaId } = await engine.start(definition, { vip: false });
    await world.clock.advance('1s');
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    await engine.rewind(sagaId, 'a');
    await world.clock.advance('1s');
    const waits = async (): Promise<readonly string[]> =>
      (await engine.history(sagaId)).history
        .filter(({ step }) => step === 'approved')
        .map(({ status, error }) => `${status} ${error?.code ?? ''}`);
    expect(await waits()).toEqual(['failed SAGA_CANCELLED', 'running ']);
    await engine.signal(sagaId, approval, 'first');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'failed' });
    stage.let('z');
    await engine.rewind(sagaId, 'z');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      results: { approved: 'first' },
    });
    expect(await waits()).toEqual(['failed SAGA_CANCELLED', 'completed ']);
  });

  test('of which an undo gives up waits for a person, and goes on where it stopped', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('c', 'defect');
    stage.let('undo b', 'refuse');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    await engine.rewind(sagaId, 'a');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'failed',
      error: { step: 'b' },
    });
    await expect(engine.rewind(sagaId, 'a')).rejects.toMatchObject({
      code: 'SAGA_OPERATION_REFUSED',
    });
    stage.let('undo b');
    stage.let('c');
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    expect(stage.log).toEqual([
      'a/do',
      'b/do',
      'c/do',
      'c/undo',
      'b/undo',
      'b/undo',
      'a/undo',
      'a~1/do',
      'b~1/do',
      'c~1/do',
    ]);
  });

  test('that is cancelled is undone to its beginning, and nothing is done again', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('c', 'defect');
    stage.let('undo b', 'hold');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    await engine.rewind(sagaId, 'b');
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'compensating' });
    await engine.cancel(sagaId);
    await world.clock.advance('1s');
    stage.release('undo b');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_CANCELLED' },
    });
    expect(stage.log).toEqual(['a/do', 'b/do', 'c/do', 'c/undo', 'b/undo', 'a/undo']);
  });

  test('goes on in another process when the one that undid dies', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('c', 'defect');
    stage.let('undo b', 'hold');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    await engine.rewind(sagaId, 'b');
    await world.clock.advance('1s');
    await world.kill('worker-1');
    stage.let('c');
    stage.let('undo b');
    const next = await world.engine([definition]);
    expect(await world.settled(next, sagaId)).toMatchObject({ status: 'completed' });
    expect(stage.log.slice(3)).toEqual(['c/undo', 'b/undo', 'b/undo', 'b~1/do', 'c~1/do']);
  });

  test('is refused where it cannot work: under way, undone, past the pivot, never begun, unknown', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<Input, InMemoryTransaction>('pivoted')
        .step('a', stage.step('a'))
        .pivot('p', { execute: () => 'p', retry: stage.step('p').retry })
        .step('z', { ...stage.step('z'), compensateWhen: 'forced' })
        .build(),
    );
    stage.let('a', 'hold');
    const { sagaId } = await engine.start(definition, { vip: false });
    await world.clock.advance('1s');
    const rewind = (step: string): Promise<unknown> => engine.rewind(sagaId, step);
    await expect(rewind('a')).rejects.toMatchObject({ code: 'SAGA_OPERATION_REFUSED' });
    await expect(rewind('nope')).rejects.toThrow(/has no step 'nope'.*It has a, p, z/);
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    await expect(rewind('z')).rejects.toThrow(/'z' was not begun/);
    stage.release('a');
    stage.let('z', 'defect');
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'failed' });
    await expect(rewind('a')).rejects.toMatchObject({ code: 'SAGA_PAST_PIVOT' });
    stage.let('z');
    await engine.resume(sagaId);
    await world.settled(engine, sagaId);
    await expect(rewind('a')).rejects.toMatchObject({ code: 'SAGA_ALREADY_FINISHED' });
  });

  test('with a messageId may be asked for again after it was done', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('c', 'defect');
    const { sagaId } = await world.settle(engine, definition, { vip: false });
    stage.let('c');
    await engine.rewind(sagaId, 'b', { messageId: 'once' });
    await world.settled(engine, sagaId);
    expect(await engine.rewind(sagaId, 'b', { messageId: 'once' })).toEqual({ sagaId });
    expect(stage.log.filter((key) => key === 'b/undo')).toHaveLength(1);
  });
});
