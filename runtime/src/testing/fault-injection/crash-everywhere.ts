import type { CrashEverywhereOptions, Kill, KillMode } from './crash-options.ts';
import { type CrashRun, crashRun, type Variation } from './crash-run.ts';
import { refusableSteps, refusing as refusingSteps } from './crash-variants.ts';
import { inLanes } from './in-lanes.ts';
import { ParticipantLedger } from '../participant-ledger.ts';
import type { Violation } from '../saga-model/saga-invariants.ts';

const MODES: readonly KillMode[] = ['before', 'during', 'after'];

/** A run that broke a rule, with what is needed to look at it. */
export interface CrashViolation extends Violation {
  /** The step that was made to refuse; null: the run in which all goes well. */
  readonly refusing: string | null;
  readonly kills: readonly Kill[];
}

/** What was tried, and what broke. */
export interface CrashReport {
  /** Durable writes found, over all variants. */
  readonly boundaries: number;
  /** Runs that were to have one death. */
  readonly points: number;
  /** Runs that were to have two. */
  readonly pairs: number;
  /** Processes that died. */
  readonly deaths: number;
  /** One way forward, and one refusal a step. */
  readonly variants: number;
  readonly violations: readonly CrashViolation[];
}

interface Point {
  readonly refusing: string | null;
  readonly expected: CrashRun;
  readonly kills: readonly Kill[];
}

/**
 * Kills a saga's process before, during and after every durable write, on its way forward and, with each step in turn refusing,
 * on its way back; lets another process recover it; and checks that each effect happened at most once, that all or
 * none of them remain, and that the journal, and that of every saga within it, can be true. The writes are found by running
 * it, not listed.
 */
export async function crashEverywhere<Input, Tx>(
  options: CrashEverywhereOptions<Input, Tx>,
): Promise<CrashReport> {
  const { crashes = 1, sample = Infinity, lanes = 1 } = options;
  const { definition } = options.scenario(new ParticipantLedger());
  const variants: readonly (string | null)[] = [null, ...refusableSteps(definition)];
  const violations: CrashViolation[] = [];
  let deaths = 0;
  const attempt = async ({ refusing, expected, kills }: Point): Promise<CrashRun> => {
    const run = await crashRun(options, refusal(refusing), kills);
    deaths += run.deaths;
    const found = [...run.violations, ...changed(run, expected)];
    violations.push(...found.map((violation) => ({ ...violation, refusing, kills })));
    return run;
  };

  const references = await inLanes(variants, lanes, async (refusing): Promise<Point> => {
    const expected = await crashRun(options, refusal(refusing), []);
    violations.push(...expected.violations.map((found) => ({ ...found, refusing, kills: [] })));
    return { refusing, expected, kills: [] };
  });
  const boundaries = references.reduce((sum, { expected }) => sum + expected.writes, 0);
  const all = references.flatMap((point) => oneMore(point, point.expected.writes));
  const points = crashes === 1 ? spread(all, sample) : all;
  const pairs = await inLanes(points, lanes, async (point) =>
    oneMore(point, (await attempt(point)).writes),
  );
  const chosen = crashes === 1 ? [] : spread(pairs.flat(), sample);
  await inLanes(chosen, lanes, attempt);
  return {
    boundaries,
    points: points.length,
    pairs: chosen.length,
    deaths,
    variants: variants.length,
    violations,
  };
}

function refusal(step: string | null): Variation {
  return (definition) => ({
    definition: step === null ? definition : refusingSteps(definition, step),
  });
}

/** The same run with one more death, at each of so many writes. */
function oneMore(point: Point, writes: number): readonly Point[] {
  return Array.from({ length: writes }, (_, at) =>
    MODES.map((mode) => ({ ...point, kills: [...point.kills, { boundary: at + 1, mode }] })),
  ).flat();
}

function changed(run: CrashRun, expected: CrashRun): readonly Violation[] {
  const found: Violation[] = [];
  if (run.status !== expected.status) {
    const detail = `${run.status ?? 'never over'} instead of ${expected.status ?? 'never over'}`;
    found.push({ rule: 'a crash changes nothing about how a saga ends', detail });
  }
  if (run.remains !== expected.remains) {
    const detail = `${run.remains} instead of ${expected.remains}`;
    found.push({ rule: 'a crash changes nothing about what remains', detail });
  }
  return found;
}

/** So many of the items, evenly from first to last. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return items.filter(
    (_, at) =>
      Math.floor((at * count) / items.length) !== Math.floor(((at + 1) * count) / items.length),
  );
}
