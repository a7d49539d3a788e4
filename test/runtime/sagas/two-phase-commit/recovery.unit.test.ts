import { noopMeter } from 'potter-runtime/observability';
import { describe, expect, test, vi } from 'vitest';
import { RecordingMeter } from '../../../support/recording-meter.ts';
import { TwoPhaseWorld } from './two-phase-world.ts';

const ALL = ['east', 'west', 'north'];

/** A process that dies once all are prepared and nothing is decided. */
async function leaveUndecided(world: TwoPhaseWorld, id: string): Promise<void> {
  await world.log.begin({
    transactionId: id,
    fingerprint: `of ${id}`,
    branches: world.branches(...ALL),
    dueInMs: 60_000,
  });
  const branch = { coordinator: await world.log.identity(), transactionId: id };
  const call = { signal: new AbortController().signal };
  for (const one of world.participants) await one.prepare(branch, { for: one.name }, call);
}

/** A process that dies after it decided to commit. */
async function leaveDecided(world: TwoPhaseWorld, id: string): Promise<void> {
  await leaveUndecided(world, id);
  const decision = { decision: 'commit', reason: null, votes: {}, dueInMs: 0 } as const;
  await world.log.decide({ transactionId: id, ...decision });
}

describe('recovery', () => {
  test('at the start carries out what was decided', async () => {
    const world = new TwoPhaseWorld();
    await leaveDecided(world, 't-1');
    const process = world.coordinator();
    await process.start();
    for (const { committed } of world.participants) expect(committed).toHaveLength(1);
    expect(await process.listInDoubt()).toEqual([]);
    await process.close();
  });

  test('leaves what is undecided to its process for as long as that may come back, then aborts it', async () => {
    const world = new TwoPhaseWorld();
    await leaveUndecided(world, 't-1');
    const process = world.coordinator();
    await process.start();
    await world.clock.advance('45s');
    expect(world.east.held).toEqual(['t-1']);
    await world.clock.advance('30s');
    for (const { committed, held } of world.participants) {
      expect([committed, held]).toEqual([[], []]);
    }
    expect(await world.log.get('t-1')).toMatchObject({
      decision: 'abort',
      reason: { because: 'presumed', code: 'TWO_PHASE_PRESUMED_ABORT' },
    });
    await process.close();
  });

  test('a participant that is down for an hour gets its commits when it is back, and holds up nobody else', async () => {
    const world = new TwoPhaseWorld();
    const process = world.coordinator();
    await process.start();
    for (let n = 0; n < 120; n += 1) await leaveDecided(world, `stuck-${n}`);
    world.north.mode = 'down';
    await world.clock.advance('1m');
    expect(world.east.committed).toHaveLength(120);
    const settle = vi.spyOn(world.log, 'settle');
    const startedAtMs = world.clock.now().getTime();
    let asked = world.north.calls.length;
    for (let minute = 1; minute <= 60; minute += 1) {
      // Others go on as if nothing were.
      const outcome = await process.execute(`free-${minute}`, world.branches('east', 'west'));
      expect(outcome.outcome).toBe('committed');
      await world.clock.advance('1m');
    }
    expect(world.clock.now().getTime() - startedAtMs).toBe(3_600_000);
    asked = world.north.calls.length - asked;
    // 120 transactions wait for it, and yet it is asked a few times a minute.
    expect(asked).toBeGreaterThan(60);
    expect(asked).toBeLessThan(60 * 5);
    // A sweep takes a batch of 50 before it finds out; what is left rests with the participant, and costs no write.
    expect(settle.mock.calls.length).toBeLessThanOrEqual(asked * 50 + 60);
    expect(await process.listInDoubt({ limit: 1_000 })).toHaveLength(120);
    world.north.mode = 'up';
    await world.clock.advance('2m');
    expect(world.north.committed).toHaveLength(120);
    expect(await process.listInDoubt()).toEqual([]);
    await process.close();
  });

  test('what is prepared and unknown to the log is taken back once it is old', async () => {
    const world = new TwoPhaseWorld();
    const process = world.coordinator();
    await process.start();
    const branch = { coordinator: await world.log.identity(), transactionId: 'nobody knows' };
    const call = { signal: new AbortController().signal };
    const orphan = { ...branch, transactionId: 'orphan' };
    const foreign = { ...orphan, coordinator: 'someone.else' };
    await world.east.prepare(orphan, 'work', call);
    await world.east.prepare(foreign, 'work', call);
    await world.clock.advance('30s');
    expect(world.east.held).toHaveLength(2);
    await world.clock.advance('3m');
    expect(world.east.held).toHaveLength(1);
    expect(await world.east.find(foreign, call)).toBe('prepared');
    expect(world.events).toContainEqual(
      expect.objectContaining({
        type: 'OrphanSettled',
        transactionId: 'orphan',
        decision: 'abort',
      }),
    );
    await process.close();
  });

  test('what is prepared of a young transaction, or of one that is open, is left, however old it is', async () => {
    const world = new TwoPhaseWorld();
    const process = world.coordinator();
    const branch = { coordinator: await world.log.identity(), transactionId: 'young' };
    const call = { signal: new AbortController().signal };
    await world.log.begin({
      transactionId: 'open',
      fingerprint: 'of open',
      branches: world.branches('east'),
      dueInMs: 3_600_000,
    });
    await world.east.prepare({ ...branch, transactionId: 'open' }, 'work', call);
    await world.clock.advance('10m');
    await world.east.prepare(branch, 'work', call);
    await process.sweep();
    expect(world.east.held).toEqual(['open', 'young']);
    await world.clock.advance('2m');
    await process.sweep();
    expect(world.east.held).toEqual(['open']);
  });

  test('however many a participant holds that nobody knows, one sweep takes all back, and counts them', async () => {
    const world = new TwoPhaseWorld();
    const meter = new RecordingMeter();
    const coordinator = await world.log.identity();
    const call = { signal: new AbortController().signal };
    for (let n = 0; n < 45; n += 1) {
      await world.east.prepare({ coordinator, transactionId: `lost-${n}` }, 'work', call);
    }
    await world.clock.advance('2m');
    await world.coordinator({ meter }).sweep();
    expect(world.east.held).toEqual([]);
    expect(meter.of('potter_two_phase_orphans_total')).toHaveLength(45);
  });

  test('who did not hear of an abort is told again as soon as it has rested, without waiting for the next look', async () => {
    const world = new TwoPhaseWorld();
    const process = world.coordinator({ sweepEvery: '1h', sweepOrphansEvery: '1h' });
    await process.start();
    await leaveUndecided(world, 't-1');
    world.north.mode = 'down';
    expect(await process.abort('t-1')).toMatchObject({ outcome: 'aborted' });
    expect(world.north.held).toEqual(['t-1']);
    world.north.mode = 'up';
    await world.clock.advance('1m');
    expect(world.north.held).toEqual([]);
    await process.close();
  });

  test('two processes share what is in doubt: nothing is told twice', async () => {
    const world = new TwoPhaseWorld();
    for (let n = 0; n < 30; n += 1) await leaveDecided(world, `t-${n}`);
    const [one, two] = [world.coordinator(), world.coordinator()];
    await Promise.all([one.sweep(), two.sweep()]);
    const commits = world.east.calls.filter(({ operation }) => operation === 'commit');
    expect(commits).toHaveLength(30);
  });

  test('a log that cannot be reached does not keep a process from starting, and is tried again', async () => {
    const world = new TwoPhaseWorld();
    await leaveDecided(world, 't-1');
    let isDown = true;
    const log = new Proxy(world.log, {
      get: (target, name) => {
        const method = (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target);
        if (name !== 'due') return method;
        return (...args: unknown[]) =>
          isDown ? Promise.reject(new Error('no connection')) : method(...args);
      },
    });
    const process = world.coordinator({ log });
    await process.start();
    expect(world.east.committed).toEqual([]);
    isDown = false;
    await world.clock.advance('15s');
    expect(world.east.committed).toHaveLength(1);
    await process.close();
  });
});

describe('looking and deciding by hand', () => {
  test('a transaction in doubt is listed with its participants, its age and where each stands', async () => {
    const world = new TwoPhaseWorld();
    await leaveUndecided(world, 't-1');
    await world.clock.advance('10s');
    const process = world.coordinator();
    const [listed] = await process.listInDoubt();
    expect(listed).toMatchObject({ transactionId: 't-1', decision: null, ageMs: 10_000 });
    world.north.mode = 'down';
    const { branches } = await process.get('t-1');
    expect(branches.map(({ participant, state }) => [participant, state])).toEqual([
      ['east', 'prepared'],
      ['west', 'prepared'],
      ['north', 'unreachable'],
    ]);
    await expect(process.get('t-2')).rejects.toMatchObject({
      code: 'TWO_PHASE_TRANSACTION_NOT_FOUND',
    });
  });

  test('how many are in doubt, and how long the oldest has been, can be read at any time', async () => {
    const world = new TwoPhaseWorld();
    const gauges = new Map<string, () => number | Promise<number>>();
    world.coordinator({
      meter: { ...noopMeter, gauge: (name, _options, read) => void gauges.set(name, read) },
    });
    await leaveUndecided(world, 't-1');
    await world.clock.advance('90s');
    await leaveUndecided(world, 't-2');
    expect(await gauges.get('potter_two_phase_in_doubt')?.()).toBe(2);
    expect(await gauges.get('potter_two_phase_oldest_in_doubt_seconds')?.()).toBe(90);
  });

  test.each(['commit', 'abort'] as const)(
    '%s by hand is carried out, and kept with who and why',
    async (decision) => {
      const world = new TwoPhaseWorld();
      await leaveUndecided(world, 't-1');
      const process = world.coordinator();
      await process.start();
      const by = { by: 'ada', reason: 'The other process will not come back.' };
      await process.resolve('t-1', decision, by);
      await world.clock.advance(10);
      for (const { committed, held } of world.participants) {
        expect(committed).toHaveLength(decision === 'commit' ? 1 : 0);
        expect(held).toEqual([]);
      }
      expect(await process.audit('t-1')).toMatchObject([{ ...by, decision, writtenOff: [] }]);
      expect(world.events).toContainEqual(
        expect.objectContaining({ type: 'TransactionResolved', ...by, decision }),
      );
      await process.close();
    },
  );

  test('what would contradict a decision is refused, and leaves no trace in the audit', async () => {
    const world = new TwoPhaseWorld();
    await leaveDecided(world, 't-1');
    const process = world.coordinator();
    await expect(
      process.resolve('t-1', 'abort', { by: 'ada', reason: 'No.' }),
    ).rejects.toMatchObject({ code: 'TWO_PHASE_ALREADY_DECIDED' });
    expect(await process.audit('t-1')).toEqual([]);
    await expect(
      process.resolve('t-9', 'abort', { by: 'ada', reason: 'No.' }),
    ).rejects.toMatchObject({ code: 'TWO_PHASE_TRANSACTION_NOT_FOUND' });
    await expect(process.resolve('t-1', 'commit', { by: '', reason: '' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('a commit by hand is refused while a participant is not prepared', async () => {
    const world = new TwoPhaseWorld();
    await world.log.begin({
      transactionId: 't-1',
      fingerprint: 'f',
      branches: world.branches('east'),
      dueInMs: 60_000,
    });
    await expect(
      world.coordinator().resolve('t-1', 'commit', { by: 'ada', reason: 'Please.' }),
    ).rejects.toMatchObject({ code: 'TWO_PHASE_NOT_PREPARED' });
    expect((await world.log.get('t-1'))?.decision).toBeNull();
  });

  test('writing one participant off vouches for no other, and only a participant of the transaction can be', async () => {
    const world = new TwoPhaseWorld();
    await world.log.begin({
      transactionId: 't-1',
      fingerprint: 'f',
      branches: world.branches('east', 'west'),
      dueInMs: 60_000,
    });
    const process = world.coordinator();
    const by = { by: 'ada', reason: 'East was sold.' };
    await expect(
      process.resolve('t-1', 'commit', { ...by, writeOff: ['east'] }),
    ).rejects.toMatchObject({ code: 'TWO_PHASE_NOT_PREPARED' });
    await expect(
      process.resolve('t-1', 'abort', { ...by, writeOff: ['north'] }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((await world.log.get('t-1'))?.decision).toBeNull();
    expect(await process.audit('t-1')).toEqual([]);
  });

  test('a participant that will never answer can be written off; if it comes back after all, it is told', async () => {
    const world = new TwoPhaseWorld();
    await leaveDecided(world, 't-1');
    world.north.mode = 'down';
    const process = world.coordinator();
    await process.start();
    expect(await process.listInDoubt()).toHaveLength(1);
    const why = { by: 'ada', reason: 'North was sold.', writeOff: ['north'] };
    await process.resolve('t-1', 'commit', why);
    await world.clock.advance('1m');
    expect(await process.listInDoubt()).toEqual([]);
    expect((await process.get('t-1')).branches.map(({ state }) => state)).toEqual([
      'committed',
      'committed',
      'written-off',
    ]);
    world.north.mode = 'up';
    await world.clock.advance('5m');
    expect(world.north.committed).toHaveLength(1);
    await process.close();
  });
});
