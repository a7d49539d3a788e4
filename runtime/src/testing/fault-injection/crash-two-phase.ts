import type { Clock } from '../../foundation/clock.ts';
import { newId } from '../../foundation/ids.ts';
import { Rejection } from '../../errors/rejection.ts';
import { TwoPhaseCoordinator } from '../../sagas/two-phase-commit/coordinator.ts';
import type { TwoPhaseLog } from '../../sagas/two-phase-commit/two-phase-log.ts';
import type {
  Branch,
  TwoPhaseParticipant,
} from '../../sagas/two-phase-commit/two-phase-participant.ts';
import { MortalProcess, type DeathMode } from './mortal-process.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** How what a dead process left is gone on with: by asking again, by asking for an abort, or by the sweep alone. */
export type TwoPhaseRecovery = 'execute' | 'abort' | 'sweep';

/** One death: at which durable write of the process, counted from 1, and how. */
export interface TwoPhaseKill {
  readonly at: number;
  readonly mode: DeathMode;
}

/** What is to be tried. */
export interface CrashTwoPhaseOptions {
  /** Log, participants, and what they are to do; called for each run. Participants may be the same each time. */
  readonly scenario: (
    clock: Clock,
    transactionId: string,
  ) => {
    readonly log: TwoPhaseLog;
    readonly participants: readonly TwoPhaseParticipant[];
    readonly branches: readonly Branch[];
  };
  /** Default: a virtual clock a run. With real databases: the system's. */
  readonly clock?: () => Clock;
  /** Makes a transaction due for the sweep, where no virtual clock can be moved on. */
  readonly expire?: (transactionId: string) => Promise<void>;
  /** Deaths a run: 1 (default), or 2, the second at every write of the recovery. */
  readonly crashes?: 1 | 2;
  /** Default: all three. */
  readonly recoveries?: readonly TwoPhaseRecovery[];
  /** Runs side by side. Default 1. With more, each scenario needs a log of its own. */
  readonly lanes?: number;
  /** Ways to die. Default: all five. */
  readonly modes?: readonly DeathMode[];
  /** What else must hold when a run is over; gives back what does not. */
  readonly check?: (
    transactionId: string,
    outcome: 'committed' | 'aborted',
  ) => readonly string[] | Promise<readonly string[]>;
}

/** A run that broke a rule, with what is needed to look at it. */
export interface TwoPhaseViolation {
  readonly problem: string;
  /** The participant that was made to refuse; null: none. */
  readonly refusing: string | null;
  readonly recovery: TwoPhaseRecovery;
  readonly kills: readonly TwoPhaseKill[];
}

/** What was tried, and what broke. */
export interface CrashTwoPhaseReport {
  /** Durable writes found: of the coordinator's log and of participants. */
  readonly boundaries: number;
  /** Runs with at least one death. */
  readonly points: number;
  readonly committed: number;
  readonly aborted: number;
  readonly violations: readonly TwoPhaseViolation[];
}

/**
 * Kills the process of a transaction at every durable write of coordinator and participants, with all of them willing
 * and with each in turn refusing; lets another process recover it; and checks that it is committed at all of them or at
 * none, that nobody holds anything prepared, and that the log says so. The writes are found by running it, not listed.
 */
export async function crashTwoPhase(options: CrashTwoPhaseOptions): Promise<CrashTwoPhaseReport> {
  const { crashes = 1, recoveries = ['execute', 'abort', 'sweep'] } = options;
  const modes = options.modes ?? (['before', 'during', 'racing', 'late', 'after'] as const);
  const names = options.scenario(new VirtualClock(), 'x').participants.map(({ name }) => name);
  const violations: TwoPhaseViolation[] = [];
  const ends = { committed: 0, aborted: 0 };
  let boundaries = 0;
  let points = 0;
  const attempt = async (
    refusing: string | null,
    recovery: TwoPhaseRecovery,
    kills: readonly TwoPhaseKill[],
  ): Promise<number> => {
    const { problems, outcome, writes } = await run(options, refusing, recovery, kills);
    if (kills.length > 0) points += 1;
    if (outcome !== undefined) ends[outcome] += 1;
    const expected = refusing === null ? 'committed' : 'aborted';
    // Whoever asks again gets what it would have got; an abort may come before the decision.
    if (recovery === 'execute' && outcome !== expected) {
      problems.push(`it was ${outcome} instead of ${expected}`);
    }
    violations.push(...problems.map((problem) => ({ problem, refusing, recovery, kills })));
    return writes;
  };
  const queue: (() => Promise<void>)[] = [];
  for (const refusing of [null, ...names]) {
    const writes = await attempt(refusing, 'execute', []);
    boundaries += writes;
    for (const recovery of recoveries) {
      for (const first of killsOf(writes, modes)) {
        queue.push(async () => {
          const recovering = await attempt(refusing, recovery, [first]);
          if (crashes !== 2) return;
          for (const second of killsOf(recovering, modes)) {
            await attempt(refusing, recovery, [first, second]);
          }
        });
      }
    }
  }
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: options.lanes ?? 1 }, lane));
  return { boundaries, points, ...ends, violations };
}

function killsOf(writes: number, modes: readonly DeathMode[]): readonly TwoPhaseKill[] {
  return Array.from({ length: writes }, (_, index) =>
    modes.map((mode) => ({ at: index + 1, mode })),
  ).flat();
}

/** Long enough for every lease and every presumption of a virtual clock to be over. */
const LONG = '10m';
const LOG_WRITES = ['begin', 'decide', 'settle', 'due', 'resolve'];
const PARTICIPANT_WRITES = ['prepare', 'commit', 'abort'];

interface Outcome {
  readonly problems: string[];
  readonly outcome: 'committed' | 'aborted' | undefined;
  /** Writes of the last process. */
  readonly writes: number;
}

async function run(
  options: CrashTwoPhaseOptions,
  refusing: string | null,
  recovery: TwoPhaseRecovery,
  kills: readonly TwoPhaseKill[],
): Promise<Outcome> {
  const transactionId = `crash/${newId()}`;
  const clock = options.clock?.() ?? new VirtualClock();
  const { log, participants: willing, branches } = options.scenario(clock, transactionId);
  const participants = willing.map((one) => (one.name === refusing ? refusal(one) : one));
  const inFlight: Promise<unknown>[] = [];
  const processes: MortalProcess[] = [];
  const pass = <T>(work: Promise<T>): Promise<T> =>
    clock instanceof VirtualClock ? clock.settle(work) : work;
  let writes = 0;
  for (let life = 0; ; life += 1) {
    const process = new MortalProcess(clock, kills[life]);
    processes.push(process);
    const coordinator = new TwoPhaseCoordinator({
      log: process.reach(log, LOG_WRITES),
      participants: participants.map((one) => process.reach(one, PARTICIPANT_WRITES)),
      clock: process.clock,
      random: () => 0.5,
      orphanAfter: 0,
    });
    const live = async (): Promise<true> => {
      if (life === 0 || recovery === 'execute') await coordinator.execute(transactionId, branches);
      else if (recovery === 'abort') await coordinator.abort(transactionId);
      else await coordinator.sweep();
      return true;
    };
    const survived = await pass(Promise.race([live(), process.death]));
    writes = process.writes;
    inFlight.push(...process.inFlight);
    if (clock instanceof VirtualClock) await clock.advance(LONG);
    else await options.expire?.(transactionId);
    if (survived === true) break;
  }
  // What a dead process had sent may arrive after everything; the sweep of some later hour finds what it left.
  for (const process of processes) process.deliver();
  await Promise.allSettled(inFlight);
  if (clock instanceof VirtualClock) await clock.advance(LONG);
  else await options.expire?.(transactionId);
  const witness = new TwoPhaseCoordinator({ log, participants, clock, orphanAfter: 0 });
  await pass(witness.sweep());
  const { problems, outcome } = await verdict(log, participants, transactionId);
  const found = outcome === undefined ? [] : await options.check?.(transactionId, outcome);
  await witness.close();
  return { problems: [...problems, ...(found ?? [])], outcome, writes };
}

async function verdict(
  log: TwoPhaseLog,
  participants: readonly TwoPhaseParticipant[],
  transactionId: string,
): Promise<{ problems: string[]; outcome: 'committed' | 'aborted' | undefined }> {
  const problems: string[] = [];
  const call = { signal: new AbortController().signal };
  const coordinator = await log.identity();
  const record = await log.get(transactionId);
  if (record !== undefined && record.settledAt === null) problems.push('the log has it in doubt');
  const states = await Promise.all(
    participants.map((one) => one.find({ coordinator, transactionId }, call)),
  );
  const committed = states.filter((state) => state === 'committed').length;
  if (committed !== 0 && committed !== states.length) {
    problems.push(`half of it is committed: ${states.join(', ')}`);
  }
  const outcome = committed > 0 ? 'committed' : 'aborted';
  if (record !== undefined && record.decision !== (committed > 0 ? 'commit' : 'abort')) {
    problems.push(`it is ${outcome}, and the log says ${record.decision}`);
  }
  for (const participant of participants) {
    const held = await participant.prepared(coordinator, call);
    if (held.length > 0) problems.push(`${participant.name} holds ${held.length} prepared`);
  }
  return { problems, outcome };
}

/** The same participant, which votes no. */
function refusal(participant: TwoPhaseParticipant): TwoPhaseParticipant {
  return new Proxy(participant, {
    get: (target, property) => {
      if (property === 'prepare') {
        return () => Promise.reject(new Rejection('REFUSED_BY_TEST', 'It was told to refuse.'));
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
