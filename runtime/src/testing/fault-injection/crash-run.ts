import { isPotterError } from '../../errors/potter-error.ts';
import { newId } from '../../foundation/ids.ts';
import type { Clock } from '../../foundation/clock.ts';
import { createSagaEngine } from '../../sagas/create-saga-engine.ts';
import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import { InMemorySagaStore } from '../../sagas/in-memory/in-memory-saga-store.ts';
import type { SagaEngine } from '../../sagas/saga-engine.ts';
import type { SagaStatus } from '../../sagas/saga-event.ts';
import { isFinished } from '../../sagas/saga-status.ts';
import type { ClaimOutcome, SagaStore } from '../../sagas/saga-store.ts';
import type { SagaView } from '../../sagas/saga-view.ts';
import type { CrashEverywhereOptions, Kill } from './crash-options.ts';
import type { SagaStoreInterceptor, SagaStoreCall } from '../intercept-saga-store.ts';
import { type LedgerEntry, ParticipantLedger } from '../participant-ledger.ts';
import { effectViolations } from '../saga-model/saga-effects.ts';
import {
  type FamilyMember,
  familyOf,
  storedFamily,
  type StoredMember,
  wholeEnd,
} from './saga-family.ts';
import { journalViolations, type Violation } from '../saga-model/saga-invariants.ts';
import { modelViolations } from '../saga-model/saga-model.ts';
import { never, SimulatedProcess } from './simulated-process.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** What became of one run. */
export interface CrashRun {
  /** How the saga ended; null: it never did. */
  readonly status: SagaStatus | null;
  /** Durable writes of the process that brought it to an end. */
  readonly writes: number;
  /** Processes that died. */
  readonly deaths: number;
  /** The steps whose effects remain, as text that is the same for the same. */
  readonly remains: string;
  readonly violations: readonly Violation[];
}

/** How the definition of a run is changed, and what is still to come when its saga is over. */
export type Variation = <Known extends SagaDefinition<unknown, never>>(
  definition: Known,
  run: { readonly sagaId: string; readonly clock: Clock },
) => { readonly definition: Known; readonly afterwards?: () => Promise<void> };

/** Runs one saga to its end, through one process after the other. */
export async function crashRun<Input, Tx>(
  options: CrashEverywhereOptions<Input, Tx>,
  vary: Variation,
  kills: readonly Kill[],
): Promise<CrashRun> {
  const clock = options.clock?.() ?? new VirtualClock();
  // Without a store of their own, sagas that need no transaction of a database run in memory.
  const real = await (options.store?.(clock) ??
    (new InMemorySagaStore({ clock }) as unknown as SagaStore<Tx>));
  const store = options.plant?.store?.(real, clock) ?? real;
  const ledger = new ParticipantLedger();
  const early: Violation[] = [];
  const sagaId = `crash-${newId()}`;
  for (let life = 0; ; life += 1) {
    const workerId = `${sagaId}.${life}`;
    const count = { writes: 0 };
    const doomed: SimulatedProcess<Tx> = new SimulatedProcess<Tx>(
      store,
      clock,
      killer(() => doomed, count, kills[life]),
    );
    const { definition: given, input } = options.scenario({
      apply: (key, effect) =>
        doomed.answer(
          (async () => {
            const intended = await isIntended(store, key);
            if (!intended) early.push({ rule: 'intent before effect', detail: key });
            return ledger.apply(key, effect);
          })(),
        ),
    });
    const { definition, afterwards } = vary(given, { sagaId, clock });
    const planted = options.plant?.definition?.(definition) ?? definition;
    const engine = createSagaEngine<Tx>({
      ...options.engine,
      store: doomed.store,
      clock: doomed.clock,
      definitions: [planted],
      workerId,
      random: () => 0.5,
    });
    const family = [...familyOf(sagaId, definition)];
    const live = async (): Promise<SagaView> => {
      await engine.run();
      // Whoever asked for the saga asks again when there was no answer.
      await engine.start(planted, input, { sagaId });
      await options.tell?.(engine, sagaId);
      return endOf(
        engine,
        store,
        family.map((member) => member.sagaId),
        doomed.death,
      );
    };
    const end = Promise.race([live(), doomed.death]);
    const saga = await (clock instanceof VirtualClock ? withinADay(clock, end) : end);
    if (saga === STRANDED) {
      doomed.kill();
      return {
        status: null,
        writes: 0,
        deaths: life,
        remains: '',
        violations: [await stranded(store, family)],
      };
    }
    if (!saga) {
      // What the lease's end would do, without waiting for it.
      await store.deregister(workerId);
      continue;
    }
    const arrived = afterwards?.();
    await (clock instanceof VirtualClock && arrived ? clock.settle(arrived) : arrived);
    const members = await storedFamily(store, family);
    const found = (await options.check?.(saga)) ?? [];
    return {
      status: saga.status,
      writes: count.writes,
      deaths: life,
      remains: remainsOf(sagaId, ledger.entries),
      violations: [
        ...early,
        ...members.flatMap((member) => memberViolations(member, members, ledger.entries)),
        ...found.map((detail) => ({ rule: 'the check of the scenario', detail })),
      ],
    };
  }
}

const STRANDED = Symbol('stranded');

/** What a promise brings within a day of virtual time. */
async function withinADay<T>(
  clock: VirtualClock,
  promise: Promise<T>,
): Promise<T | typeof STRANDED> {
  try {
    return await clock.settle(promise);
  } catch (error) {
    if (isPotterError(error, 'TIMEOUT')) return STRANDED;
    throw error;
  }
}

async function stranded(
  store: Pick<SagaStore, 'load' | 'journal'>,
  family: readonly FamilyMember[],
): Promise<Violation> {
  const members = await storedFamily(store, family);
  const stories = members.map(
    ({ sagaId, status, journal }) =>
      `${sagaId} is ${status}: ${journal.map(({ event }) => `${event.type}${'path' in event ? ` ${event.path}` : ''}`).join(', ')}`,
  );
  return { rule: 'nothing is stranded', detail: stories.join('\n') };
}

/** The saga once it and all within it are settled, and this process has given them back. */
async function endOf<Tx>(
  engine: SagaEngine<Tx>,
  store: Pick<SagaStore, 'load' | 'follow'>,
  sagaIds: readonly string[],
  death: Promise<void>,
): Promise<SagaView> {
  const [root = ''] = sagaIds;
  const saga = await engine.settled(root);
  const given = new AbortController();
  void death.then(() => given.abort('dead'));
  for (const sagaId of sagaIds) await wholeEnd(store, sagaId, given.signal);
  given.abort('over');
  // Word that a saga is over may be here before the answer to its last write, at which the process is to die.
  await engine.stop();
  return saga;
}

function memberViolations(
  member: StoredMember,
  family: readonly StoredMember[],
  ledger: readonly LedgerEntry[],
): readonly Violation[] {
  const found = [
    ...journalViolations(member.definition, member.journal),
    ...modelViolations(member.definition, member.journal),
    ...effectViolations(member, ledger),
  ];
  const parent = family.find(({ sagaId }) => sagaId === member.parent?.sagaId);
  const inPart = member.status === 'abandoned' || parent?.status === 'abandoned';
  if (parent && isFinished(parent.status) && !inPart && member.status !== parent.status) {
    const detail = `${member.sagaId} is ${member.status}, its parent ${parent.status}`;
    found.push({ rule: 'a saga within a saga ends as that does', detail });
  }
  return found;
}

const WRITES: ReadonlySet<SagaStoreCall['method']> = new Set([
  'create',
  'commit',
  'transaction',
  'post',
]);

/** Counts a process's durable writes, and kills it at one of them. */
function killer(
  victim: () => { kill(): void; readonly death: Promise<void> },
  count: { writes: number },
  kill: Kill | undefined,
): SagaStoreInterceptor {
  let finished = false;
  return async (call, proceed) => {
    if (finished) return never();
    const isWrite = WRITES.has(call.method);
    if (!isWrite && call.method !== 'claim') return proceed();
    const at = isWrite ? (count.writes += 1) : 0;
    if (isWrite && at === kill?.boundary && kill.mode === 'before') {
      victim().kill();
      return never();
    }
    // A transaction that was rolled back is a moment to die at like any other.
    const answer = proceed();
    const value = await answer.catch(() => undefined);
    // A claim is a write when it took something over, which shows only afterwards.
    if (!isWrite && !tookOver(value as ClaimOutcome | undefined)) return answer;
    const reached = isWrite ? at : (count.writes += 1);
    if (reached !== kill?.boundary) return answer;
    if (kill.mode !== 'after') {
      victim().kill();
      return never();
    }
    finished = true;
    // It lives on until what it does next has had its time; then it is found dead.
    void Promise.race([victim().death, lastBreath()]).then(() => victim().kill());
    return answer;
  };
}

function tookOver(outcome: ClaimOutcome | undefined): boolean {
  return outcome?.kind === 'claimed' && outcome.sagas.length > 0;
}

/** Long enough for code that waits for nothing but itself. */
function lastBreath(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(() => setImmediate(resolve)));
  });
}

async function isIntended(store: Pick<SagaStore, 'journal'>, key: string): Promise<boolean> {
  const [sagaId = '', step = '', kind] = key.split('/');
  const path = step.split('~')[0];
  const journal = await store.journal(sagaId);
  const direction = kind === 'do' ? 'forward' : 'compensate';
  return journal.some(
    ({ event }) =>
      event.type === 'AttemptStarted' && event.path === path && event.direction === direction,
  );
}

function remainsOf(rootId: string, entries: readonly LedgerEntry[]): string {
  const remaining = new Set<string>();
  for (const { sagaId, step, kind } of entries) {
    const name = `${sagaId.slice(rootId.length)}/${step}`;
    if (kind === 'do') remaining.add(name);
    else remaining.delete(name);
  }
  return `{${[...remaining].sort().join(', ')}}`;
}
