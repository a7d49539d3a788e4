import { isFinished } from '../../sagas/saga-status.ts';
import { aroundSteps, type StepCall } from './around-steps.ts';
import type { CrashEverywhereOptions } from './crash-options.ts';
import { type CrashRun, crashRun, type Variation } from './crash-run.ts';
import { refusableSteps, refusing } from './crash-variants.ts';
import { Disturber, type Disturbance, disturbancesOf } from './disturbance.ts';
import { inLanes } from './in-lanes.ts';
import { ParticipantLedger } from '../participant-ledger.ts';
import type { Violation } from '../saga-model/saga-invariants.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** What is to be tried: as with `crashEverywhere`, but nobody dies. */
export type DisturbEverywhereOptions<Input, Tx> = Omit<
  CrashEverywhereOptions<Input, Tx>,
  'crashes' | 'sample'
>;

/** A run that broke a rule, with what is needed to look at it. */
export interface DisturbViolation extends Violation {
  /** The step that was made to refuse; null: the run in which all goes well. */
  readonly refusing: string | null;
  /** The call that was disturbed, by its key without the id of its saga: `/reserve/do`; null: none was. */
  readonly call: string | null;
  readonly disturbance: Disturbance | null;
}

/** What was tried, and what broke. */
export interface DisturbReport {
  /** Calls of participants found, over all variants. */
  readonly calls: number;
  /** Runs in which one of them was disturbed. */
  readonly runs: number;
  readonly violations: readonly DisturbViolation[];
}

/** Without a virtual clock nobody waits for as long as attempts have. */
const TIMEOUT_MS = 250;

/**
 * Has every call of a participant arrive twice, lose its answer, be answered late, and arrive after everything else, on the
 * saga's way forward and, with each step in turn refusing, on its way back; and checks that the saga ends without help,
 * that each effect happened at most once, that all or none of them remain, and that every journal can be true. The calls are
 * found by running it, not listed.
 */
export async function disturbEverywhere<Input, Tx>(
  options: DisturbEverywhereOptions<Input, Tx>,
): Promise<DisturbReport> {
  const { lanes = 1 } = options;
  const { definition } = options.scenario(new ParticipantLedger());
  const variants = [null, ...refusableSteps(definition)];
  const references = await inLanes(variants, lanes, (refused) => watched(options, refused));
  const points = references.flatMap(({ refused, calls, run }) =>
    [...calls].flatMap(([call, found]) =>
      disturbancesOf(found).map((disturbance) => ({ refused, call, disturbance, expected: run })),
    ),
  );
  const found = await inLanes(points, lanes, async (point) => {
    const { refused, call, disturbance, expected } = point;
    const run = await crashRun(options, disturbed(refused, call, disturbance), []);
    const broken = [...run.violations, ...changed(run, expected)];
    return broken.map((violation) => ({ ...violation, refusing: refused, call, disturbance }));
  });
  const calls = references.reduce((sum, reference) => sum + reference.calls.size, 0);
  const violations = [...references.flatMap(undisturbed), ...found.flat()];
  return { calls, runs: points.length, violations };
}

/** A run in which nothing is disturbed, and the calls in it. */
async function watched<Input, Tx>(
  options: DisturbEverywhereOptions<Input, Tx>,
  refused: string | null,
) {
  const calls = new Map<string, StepCall>();
  const run = await crashRun(
    options,
    (known, { sagaId }) => ({
      definition: aroundSteps(
        refused === null ? known : refusing(known, refused),
        (call, proceed) => {
          calls.set(call.key.slice(sagaId.length), call);
          return proceed();
        },
      ),
    }),
    [],
  );
  return { refused, calls, run };
}

/** What is wrong when nothing is disturbed. Of the saga that nobody refuses anything it must not be that it needs a person. */
function undisturbed({
  refused,
  run,
}: Awaited<ReturnType<typeof watched>>): readonly DisturbViolation[] {
  const { status } = run;
  const stuck =
    refused === null && (status === null || !isFinished(status))
      ? [
          {
            rule: 'what nobody disturbs needs no person',
            detail: `the saga is ${status ?? 'never over'}`,
          },
        ]
      : [];
  return [...run.violations, ...stuck].map((violation) => ({
    ...violation,
    refusing: refused,
    call: null,
    disturbance: null,
  }));
}

function disturbed(refused: string | null, call: string, disturbance: Disturbance): Variation {
  return (known, { sagaId, clock }) => {
    const disturber = new Disturber(`${sagaId}${call}`, disturbance);
    const timeoutMs = clock instanceof VirtualClock ? Infinity : TIMEOUT_MS;
    const definition = refused === null ? known : refusing(known, refused);
    return {
      definition: aroundSteps(definition, disturber.intercept, timeoutMs),
      afterwards: () => disturber.deliver(),
    };
  };
}

/** It may be undone instead of done: an answer that is late for the last attempt is late for the saga. */
function changed({ status, remains }: CrashRun, expected: CrashRun): readonly Violation[] {
  if (status === null) return [];
  if (status !== expected.status) {
    if (isFinished(status)) return [];
    const detail = `${status} instead of ${expected.status ?? 'never over'}`;
    return [{ rule: 'a disturbance needs no person', detail }];
  }
  if (remains === expected.remains) return [];
  const detail = `${remains} instead of ${expected.remains}`;
  return [{ rule: 'a disturbance changes nothing about what remains', detail }];
}
