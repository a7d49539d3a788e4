import type { Clock } from 'potter-runtime/foundation';
import { type DecideRequest, InMemoryTwoPhaseLog, type TwoPhaseLog } from 'potter-runtime/sagas';
import { crashTwoPhase, FakeTwoPhaseParticipant } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import { isFullRun } from '../../../support/full-run.ts';

const scenario = (clock: Clock) => {
  const participants = ['east', 'north', 'west'].map(
    (name) => new FakeTwoPhaseParticipant(name, { clock }),
  );
  return {
    log: new InMemoryTwoPhaseLog({ clock }),
    participants,
    branches: participants.map(({ name }) => ({ participant: name, work: { name } })),
  };
};

test('killed at every durable write of coordinator and participants, a transaction is all or nothing', async () => {
  const report = await crashTwoPhase({ scenario });
  console.log(
    `two-phase crash sweep: ${report.points} points at ${report.boundaries} writes, ` +
      `${report.committed} committed, ${report.aborted} aborted, ${report.violations.length} violations`,
  );
  expect(report.violations).toEqual([]);
  expect(report.points).toBe(report.boundaries * 5 * 3);
  // Begin, decision and settlement in the log, prepare and commit at three participants.
  expect(report.boundaries).toBeGreaterThanOrEqual(9);
  expect(report.committed).toBeGreaterThan(20);
  expect(report.aborted).toBeGreaterThan(100);
});

test('killed again at every write of the recovery, it is all or nothing all the same', async () => {
  const report = await crashTwoPhase({
    scenario,
    crashes: 2,
    ...(isFullRun ? {} : { modes: ['during', 'late'] }),
  });
  console.log(
    `two-phase double crash: ${report.points} points, ${report.violations.length} violations`,
  );
  expect(report.violations).toEqual([]);
  expect(report.points).toBeGreaterThan(1_000);
});

/** The same log, with a decision that is taken in another way. */
function withDecide(
  log: TwoPhaseLog,
  decide: (request: DecideRequest) => ReturnType<TwoPhaseLog['decide']>,
): TwoPhaseLog {
  return new Proxy(log, {
    get: (target, name) =>
      name === 'decide'
        ? decide
        : (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target),
  });
}

test('a planted bug is found: a decision that is carried out before it is durable', async () => {
  const report = await crashTwoPhase({
    recoveries: ['sweep'],
    scenario: (clock) => {
      const sound = scenario(clock);
      const soundly = sound.log.decide.bind(sound.log);
      const log = withDecide(sound.log, async (request) => {
        if (request.evenUnknown === true) return soundly(request);
        const record = await sound.log.get(request.transactionId);
        if (record === undefined || record.decision !== null) return record;
        return { ...record, decision: request.decision, reason: request.reason };
      });
      const settle = sound.log.settle.bind(sound.log);
      sound.log.settle = async (request) => {
        const decision = request.settled.some(({ outcome }) => outcome === 'committed')
          ? ('commit' as const)
          : ('abort' as const);
        const { transactionId, dueInMs } = request;
        await sound.log.decide({ transactionId, decision, reason: null, votes: {}, dueInMs });
        return settle(request);
      };
      return { ...sound, log };
    },
  });
  expect(report.violations.map(({ problem }) => problem)).toContainEqual(
    expect.stringMatching(/half of it is committed/),
  );
});

test('a planted bug is found: an aborted transaction whose participant forgets the abort', async () => {
  const report = await crashTwoPhase({
    recoveries: ['abort'],
    scenario: (clock) => {
      const sound = scenario(clock);
      const [first] = sound.participants;
      if (first !== undefined) first.abort = () => Promise.resolve();
      return sound;
    },
  });
  expect(report.violations.map(({ problem }) => problem)).toContainEqual(
    expect.stringMatching(/holds 1 prepared/),
  );
});
