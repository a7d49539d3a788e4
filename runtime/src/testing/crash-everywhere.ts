import { Rejection } from '../errors/rejection.ts';
import type { Clock } from '../foundation/clock.ts';
import { newId } from '../foundation/ids.ts';
import { createSagaEngine } from '../sagas/create-saga-engine.ts';
import { InMemorySagaStore } from '../sagas/in-memory/in-memory-saga-store.ts';
import type { SagaDefinition } from '../sagas/definition/saga-definition.ts';
import type { SagaEngineOptions } from '../sagas/saga-engine.ts';
import type { ClaimOutcome, SagaStore } from '../sagas/saga-store.ts';
import type { SagaView } from '../sagas/saga-view.ts';
import type { SagaStoreInterceptor } from './intercept-saga-store.ts';
import { type LedgerClient, type LedgerEntry, ParticipantLedger } from './participant-ledger.ts';
import { effectViolations, journalViolations, type Violation } from './saga-invariants.ts';
import { never, SimulatedProcess } from './simulated-process.ts';
import { VirtualClock } from './virtual-clock.ts';

/**
 * When a process dies, seen from one durable write:
 * - `before`: the write was never made,
 * - `during`: it was made, and the process never learned of it,
 * - `after`: the process learned of it and did what follows, but never wrote again.
 */
export type KillMode = 'before' | 'during' | 'after';

const MODES: readonly KillMode[] = ['before', 'during', 'after'];

/** One death. */
export interface Kill {
  /** 1, 2, …: which durable write of that process. */
  readonly boundary: number;
  readonly mode: KillMode;
}

/** What is to be tried. */
export interface CrashEverywhereOptions<Input, Tx> {
  /**
   * The saga and its participants, as one process has them. Participants record what they do in the ledger, by the key
   * their step is given.
   */
  readonly scenario: (ledger: LedgerClient) => {
    readonly definition: SagaDefinition<Input, Tx>;
    readonly input: Input;
  };
  /** Where the saga lives; called for each run, may give the same store each time. Default: a new in-memory store. */
  readonly store?: (clock: Clock) => SagaStore<Tx> | Promise<SagaStore<Tx>>;
  /** Default: a virtual clock a run. With a real database: the system's, and short retries. */
  readonly clock?: () => Clock;
  /** Deaths a run: 1 (default), or 2, the second at every write of the recovery from the first. */
  readonly crashes?: 1 | 2;
  /** What else must hold when a run is over; gives back what does not. */
  readonly check?: (saga: SagaView) => readonly string[] | Promise<readonly string[]>;
  readonly engine?: Pick<SagaEngineOptions, 'lease' | 'poll' | 'keep' | 'grace' | 'logger'>;
}

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
  /** Runs with at least one death. */
  readonly points: number;
  /** One way forward, and one refusal a step. */
  readonly variants: number;
  readonly violations: readonly CrashViolation[];
}

/**
 * Kills a saga's process before, during and after every durable write, on its way forward and, with each step in turn refusing,
 * on its way back; lets another process recover it; and checks that each effect happened at most once, that all or
 * none of them remain, and that the journal can be true. The writes are found by running it, not listed.
 */
export async function crashEverywhere<Input, Tx>(
  options: CrashEverywhereOptions<Input, Tx>,
): Promise<CrashReport> {
  const { definition } = options.scenario(new ParticipantLedger());
  const variants: readonly (string | null)[] = [null, ...definition.attempted.keys()];
  const violations: CrashViolation[] = [];
  let boundaries = 0;
  let points = 0;
  for (const refusing of variants) {
    const reference = await run(options, refusing, []);
    boundaries += reference.writes;
    report(reference, []);
    for (const kill of kills(reference.writes)) {
      const once = await run(options, refusing, [kill]);
      points += 1;
      report(once, [kill], reference);
      if (options.crashes !== 2) continue;
      for (const second of kills(once.writes)) {
        points += 1;
        report(await run(options, refusing, [kill, second]), [kill, second], reference);
      }
    }

    function report(outcome: Outcome, at: readonly Kill[], expected?: Outcome): void {
      const found = [...outcome.violations];
      if (expected && outcome.saga.status !== expected.saga.status) {
        const detail = `${outcome.saga.status} instead of ${expected.saga.status}`;
        found.push({ rule: 'a crash changes nothing about how a saga ends', detail });
      }
      if (expected && net(outcome.entries) !== net(expected.entries)) {
        const detail = `${net(outcome.entries)} instead of ${net(expected.entries)}`;
        found.push({ rule: 'a crash changes nothing about what remains', detail });
      }
      violations.push(...found.map((violation) => ({ ...violation, refusing, kills: at })));
    }
  }
  return { boundaries, points, variants: variants.length, violations };
}

function kills(writes: number): readonly Kill[] {
  return Array.from({ length: writes }, (_, at) =>
    MODES.map((mode) => ({ boundary: at + 1, mode })),
  ).flat();
}

interface Outcome {
  readonly saga: SagaView;
  /** Durable writes of the process that brought it to an end. */
  readonly writes: number;
  readonly entries: readonly LedgerEntry[];
  readonly violations: readonly Violation[];
}

/** Runs one saga to its end, through one process after the other. */
async function run<Input, Tx>(
  options: CrashEverywhereOptions<Input, Tx>,
  refusing: string | null,
  deaths: readonly Kill[],
): Promise<Outcome> {
  const clock = options.clock?.() ?? new VirtualClock();
  // Without a store of their own, sagas that need no transaction of a database run in memory.
  const store = await (options.store?.(clock) ??
    (new InMemorySagaStore({ clock }) as unknown as SagaStore<Tx>));
  const ledger = new ParticipantLedger();
  const early: Violation[] = [];
  const sagaId = `crash-${newId()}`;
  for (let life = 0; ; life += 1) {
    const workerId = `${sagaId}.${life}`;
    const count = { writes: 0 };
    const doomed: SimulatedProcess<Tx> = new SimulatedProcess<Tx>(
      store,
      clock,
      killer(() => doomed, count, deaths[life]),
    );
    const { definition, input } = options.scenario({
      apply: (key, effect) =>
        doomed.answer(
          (async () => {
            const intended = await isIntended(store, key);
            if (!intended) early.push({ rule: 'intent before effect', detail: key });
            return ledger.apply(key, effect);
          })(),
        ),
    });
    const variant = refusing === null ? definition : refuse(definition, refusing);
    const engine = createSagaEngine<Tx>({
      ...options.engine,
      store: doomed.store,
      clock: doomed.clock,
      definitions: [variant],
      workerId,
      random: () => 0.5,
    });
    const live = async (): Promise<SagaView> => {
      await engine.run();
      // Whoever asked for the saga asks again when there was no answer.
      await engine.start(variant, input, { sagaId });
      const saga = await engine.settled(sagaId);
      // Word that the saga is over may be here before the answer to its last write, at which the process is to die.
      await engine.stop();
      return saga;
    };
    const end = Promise.race([live(), doomed.death]);
    const saga = await (clock instanceof VirtualClock ? clock.settle(end) : end);
    if (!saga) {
      // What the lease's end would do, without waiting for it.
      await store.deregister(workerId);
      continue;
    }
    const found = (await options.check?.(saga)) ?? [];
    return {
      saga,
      writes: count.writes,
      entries: ledger.entries,
      violations: [
        ...early,
        ...journalViolations(await store.journal(sagaId)),
        ...effectViolations(variant, saga.status, ledger.entries),
        ...found.map((detail) => ({ rule: 'the check of the scenario', detail })),
      ],
    };
  }
}

/** Counts a process's durable writes, and kills it at one of them. */
function killer(
  victim: () => SimulatedProcess<never> | SimulatedProcess<unknown>,
  count: { writes: number },
  kill: Kill | undefined,
): SagaStoreInterceptor {
  let finished = false;
  return async (call, proceed) => {
    if (finished) return never();
    const { method } = call;
    const isWrite = method === 'create' || method === 'commit' || method === 'transaction';
    if (!isWrite && method !== 'claim') return proceed();
    const at = isWrite ? (count.writes += 1) : 0;
    if (isWrite && at === kill?.boundary && kill.mode === 'before') {
      victim().kill();
      return never();
    }
    const value = await proceed();
    // A claim is a write when it took something over, which shows only afterwards.
    if (!isWrite && !tookOver(value as ClaimOutcome)) return value;
    const reached = isWrite ? at : (count.writes += 1);
    if (reached !== kill?.boundary) return value;
    if (kill.mode !== 'after') {
      victim().kill();
      return never();
    }
    finished = true;
    // It lives on until what it does next has had its time; then it is found dead.
    void Promise.race([victim().death, lastBreath()]).then(() => victim().kill());
    return value;
  };
}

function tookOver(outcome: ClaimOutcome): boolean {
  return outcome.kind === 'claimed' && outcome.sagas.length > 0;
}

/** Long enough for code that waits for nothing but itself. */
function lastBreath(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(() => setImmediate(resolve)));
  });
}

async function isIntended(store: Pick<SagaStore, 'journal'>, key: string): Promise<boolean> {
  const [sagaId = '', path, kind] = key.split('/');
  const journal = await store.journal(sagaId);
  const direction = kind === 'do' ? 'forward' : 'compensate';
  return journal.some(
    ({ event }) =>
      event.type === 'AttemptStarted' && event.path === path && event.direction === direction,
  );
}

/** The same definition, in which one step says no instead of doing anything. */
function refuse<Input, Tx>(
  definition: SagaDefinition<Input, Tx>,
  path: string,
): SagaDefinition<Input, Tx> {
  const refusal = (): never => {
    throw new Rejection('REFUSED_BY_TEST', `Step '${path}' was told to refuse.`);
  };
  const attempted = new Map(
    [...definition.attempted].map(([at, node]) => [
      at,
      at === path ? { ...node, execute: refusal } : node,
    ]),
  );
  return { ...definition, attempted };
}

/** The steps whose effects remain. */
function net(entries: readonly LedgerEntry[]): string {
  const remaining = new Set<string>();
  for (const { step, kind } of entries) {
    if (kind === 'do') remaining.add(step);
    else remaining.delete(step);
  }
  return `{${[...remaining].sort().join(', ')}}`;
}
