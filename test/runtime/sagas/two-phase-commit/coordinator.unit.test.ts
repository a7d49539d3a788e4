import { describe, expect, test } from 'vitest';
import { deferred } from '../../../support/deferred.ts';
import { RecordingMeter } from '../../../support/recording-meter.ts';
import { TwoPhaseWorld } from './two-phase-world.ts';

const ALL = ['east', 'west', 'north'];

describe('all or nothing', () => {
  test('when all are prepared, all are committed, and their answers are given back', async () => {
    const world = new TwoPhaseWorld();
    const outcome = await world.coordinator().execute('t-1', world.branches(...ALL));
    expect(outcome).toEqual({
      outcome: 'committed',
      transactionId: 't-1',
      results: Object.fromEntries(ALL.map((by) => [by, { by, work: { for: by } }])),
    });
    for (const { committed, held } of world.participants) {
      expect(committed).toHaveLength(1);
      expect(held).toEqual([]);
    }
  });

  test('one "no" aborts all, and says whose it was', async () => {
    const world = new TwoPhaseWorld();
    world.west.refuses = () => true;
    const outcome = await world.coordinator().execute('t-1', world.branches(...ALL));
    expect(outcome).toMatchObject({
      outcome: 'aborted',
      reason: { because: 'refused', code: 'REFUSED_BY_TEST', participant: 'west' },
    });
    for (const { committed, held } of world.participants)
      expect([committed, held]).toEqual([[], []]);
    const record = await world.log.get('t-1');
    expect(record?.branches.find(({ participant }) => participant === 'west')?.vote).toBe(
      'refused',
    );
  });

  test('a participant that fails is asked again, then counts as a "no"', async () => {
    const world = new TwoPhaseWorld();
    world.north.mode = 'down';
    const running = world.coordinator().execute('t-1', world.branches(...ALL));
    // It is told of the abort when it is back.
    const back = (async () => {
      while ((await world.log.get('t-1'))?.decision !== 'abort') await world.clock.advance(50);
      world.north.mode = 'up';
    })();
    await back;
    expect(await world.clock.settle(running)).toMatchObject({
      outcome: 'aborted',
      reason: { because: 'failed', participant: 'north', code: 'TWO_PHASE_PARTICIPANT_FAILED' },
    });
    const prepares = world.north.calls.filter(({ operation }) => operation === 'prepare');
    expect(prepares).toHaveLength(3);
    expect(world.east.held).toEqual([]);
  });

  test('a participant that does not answer is given its time, no more', async () => {
    const world = new TwoPhaseWorld();
    world.north.mode = 'silent';
    const coordinator = world.coordinator({ callTimeout: '2s' });
    const running = coordinator.execute('t-1', world.branches(...ALL));
    await world.clock.advance('7s');
    expect(await world.log.get('t-1')).toMatchObject({
      decision: 'abort',
      reason: { because: 'failed', code: 'TIMEOUT', participant: 'north' },
    });
    world.north.mode = 'up';
    expect(await world.clock.settle(running)).toMatchObject({ outcome: 'aborted' });
  });
});

describe('asked at once', () => {
  test('the first "no" tells those who are still at it to stop, and waits for none of them', async () => {
    const world = new TwoPhaseWorld();
    world.west.refuses = () => true;
    const stopped = deferred();
    world.north.prepare = (_branch, _work, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped.resolve();
          reject(signal.reason as Error);
        });
      });
    const coordinator = world.coordinator({ prepare: 'at-once' });
    const begunAtMs = world.clock.now().getTime();
    const running = coordinator.execute('t-1', world.branches(...ALL));
    expect(await world.clock.settle(running)).toMatchObject({
      outcome: 'aborted',
      reason: { because: 'refused', participant: 'west' },
    });
    expect(world.clock.now().getTime()).toBe(begunAtMs);
    await stopped.promise;
  });
});

describe('the decision', () => {
  test('is durable, with the votes, before the first participant is told to commit', async () => {
    const world = new TwoPhaseWorld();
    const seen: unknown[] = [];
    const commit = world.east.commit.bind(world.east);
    world.east.commit = async (branch, options) => {
      const record = await world.log.get(branch.transactionId);
      seen.push(
        record?.decision,
        record?.branches.map(({ vote }) => vote),
      );
      return commit(branch, options);
    };
    await world.coordinator().execute('t-1', world.branches(...ALL));
    expect(seen).toEqual(['commit', ['prepared', 'prepared', 'prepared']]);
  });

  test('a begin with its branches and work is durable before the first participant is asked', async () => {
    const world = new TwoPhaseWorld();
    let seen: unknown;
    const prepare = world.east.prepare.bind(world.east);
    world.east.prepare = async (branch, work, options) => {
      seen = (await world.log.get(branch.transactionId))?.branches.map((one) => one.work);
      return prepare(branch, work, options);
    };
    await world.coordinator().execute('t-1', world.branches('east', 'west'));
    expect(seen).toEqual([{ for: 'east' }, { for: 'west' }]);
  });

  test('holds for a stalled process and its successor alike, whichever is first', async () => {
    const world = new TwoPhaseWorld();
    const gate = deferred();
    const stalled = world.coordinator({
      log: new Proxy(world.log, {
        get: (log, name) =>
          name === 'decide'
            ? async (request: Parameters<typeof log.decide>[0]) => {
                await gate.promise;
                return log.decide(request);
              }
            : (Reflect.get(log, name) as () => unknown).bind(log),
      }),
    });
    const first = stalled.execute('t-1', world.branches(...ALL));
    await world.clock.advance('1s');
    const aborted = await world.coordinator().abort('t-1', { reason: 'It took too long.' });
    expect(aborted).toMatchObject({ outcome: 'aborted', reason: { because: 'asked' } });
    gate.resolve();
    expect(await first).toEqual(aborted);
    for (const { committed } of world.participants) expect(committed).toEqual([]);
  });

  test('is left to a process that is at work, however often others look', async () => {
    const world = new TwoPhaseWorld();
    const gate = deferred();
    const prepare = world.north.prepare.bind(world.north);
    world.north.prepare = async (...args) => {
      await gate.promise;
      return prepare(...args);
    };
    const running = world.coordinator().execute('t-1', world.branches(...ALL));
    await world.clock.advance('5s');
    await world.coordinator().sweep();
    expect((await world.log.get('t-1'))?.decision).toBeNull();
    gate.resolve();
    expect(await running).toMatchObject({ outcome: 'committed' });
  });

  test('to commit wins over an abort that comes later, which then carries it out', async () => {
    const world = new TwoPhaseWorld();
    world.west.commit = () => Promise.reject(new Error('not now'));
    const process = world.coordinator();
    const first = process.execute('t-1', world.branches(...ALL));
    await world.clock.advance('5s');
    // Its process dies.
    await Promise.all([process.close(), expect(first).rejects.toMatchObject({ code: 'ABORTED' })]);
    delete (world.west as Partial<typeof world.west>).commit;
    expect(await world.clock.settle(world.coordinator().abort('t-1'))).toMatchObject({
      outcome: 'committed',
    });
    for (const { committed } of world.participants) expect(committed).toHaveLength(1);
  });

  test('an abort of what was never begun keeps it from ever being begun', async () => {
    const world = new TwoPhaseWorld();
    expect(await world.coordinator().abort('t-1')).toMatchObject({ outcome: 'aborted' });
    const late = await world.coordinator().execute('t-1', world.branches(...ALL));
    expect(late).toMatchObject({ outcome: 'aborted', reason: { code: 'TWO_PHASE_ABORTED' } });
    expect(world.east.calls).toEqual([]);
  });
});

describe('again', () => {
  test('the same id answers what came of it, from any process, and does nothing', async () => {
    const world = new TwoPhaseWorld();
    const first = await world.coordinator().execute('t-1', world.branches(...ALL));
    const calls = world.east.calls.length;
    expect(await world.coordinator().execute('t-1', world.branches(...ALL))).toEqual(first);
    // The order of branches means nothing.
    expect(
      await world.coordinator().execute('t-1', world.branches('north', 'west', 'east')),
    ).toEqual(first);
    expect(world.east.calls).toHaveLength(calls);
  });

  test('the same id for other work is refused', async () => {
    const world = new TwoPhaseWorld();
    await world.coordinator().execute('t-1', world.branches('east'));
    await expect(world.coordinator().execute('t-1', world.branches('west'))).rejects.toMatchObject({
      code: 'TWO_PHASE_TRANSACTION_CHANGED',
    });
  });

  test.each([
    ['no branch', []],
    ['two branches of one participant', ['east', 'east']],
  ])('%s is no transaction', async (_what, names) => {
    const world = new TwoPhaseWorld();
    const odd = world.coordinator().execute('t-1', world.branches(...names));
    await expect(odd).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a participant that the process does not have is said before anything is done', async () => {
    const world = new TwoPhaseWorld();
    const odd = world.coordinator().execute('t-1', world.branches('east', 'south'));
    await expect(odd).rejects.toMatchObject({ code: 'TWO_PHASE_PARTICIPANT_UNKNOWN' });
    expect(world.east.calls).toEqual([]);
  });
});

describe('a caller who goes away', () => {
  test('before the decision leaves it open, to be gone on with', async () => {
    const world = new TwoPhaseWorld();
    world.north.mode = 'silent';
    const caller = new AbortController();
    const process = world.coordinator();
    const given = process.execute('t-1', world.branches(...ALL), { signal: caller.signal });
    await world.clock.advance('1s');
    caller.abort();
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await world.log.get('t-1'))?.decision).toBeNull();
    world.north.mode = 'up';
    expect(await process.execute('t-1', world.branches(...ALL))).toMatchObject({
      outcome: 'committed',
    });
  });

  test('after the decision stops nothing: the sweep carries it out', async () => {
    const world = new TwoPhaseWorld();
    const caller = new AbortController();
    const process = world.coordinator();
    await process.start();
    world.north.commit = () => Promise.reject(new Error('not now'));
    const given = process.execute('t-1', world.branches(...ALL), { signal: caller.signal });
    await world.clock.advance('1s');
    caller.abort();
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' });
    delete (world.north as Partial<typeof world.north>).commit;
    await world.clock.advance('1m');
    expect(world.north.committed).toHaveLength(1);
    expect((await world.log.get('t-1'))?.settledAt).not.toBeNull();
    await process.close();
  });
});

test('decisions, calls and durations are counted, and each step is told to the listener', async () => {
  const world = new TwoPhaseWorld();
  const meter = new RecordingMeter();
  await world.coordinator({ meter }).execute('t-1', world.branches('east', 'west'));
  expect(meter.of('potter_two_phase_decisions_total')).toEqual([1]);
  expect(meter.of('potter_two_phase_duration_seconds')).toHaveLength(1);
  expect(meter.of('potter_two_phase_call_duration_seconds')).toHaveLength(4);
  expect(world.events.map(({ type }) => type)).toEqual([
    'TransactionDecided',
    'TransactionSettled',
  ]);
});

test('a closed coordinator takes nothing on', async () => {
  const world = new TwoPhaseWorld();
  const coordinator = world.coordinator();
  await coordinator.close();
  await expect(coordinator.execute('t-1', world.branches('east'))).rejects.toMatchObject({
    code: 'CLOSED',
  });
});
