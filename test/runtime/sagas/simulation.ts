import { PotterError, Rejection } from 'potter-runtime/errors';
import { type Clock, sleep } from 'potter-runtime/foundation';
import {
  createSagaEngine,
  InMemorySagaStore,
  type InMemoryTransaction,
  isFinished,
  type SagaEngine,
  type SagaStore,
} from 'potter-runtime/sagas';
import {
  effectViolations,
  interceptSagaStore,
  journalViolations,
  type LedgerEntry,
  modelViolations,
  ParticipantLedger,
  type SagaStoreInterceptor,
  SimulatedProcess,
  type Violation,
  VirtualClock,
} from 'potter-runtime/testing';
import { type Plan, planOf } from './participant-plan.ts';
import { randomOf } from './seeded-random.ts';
import { goAhead, PAST_PIVOT, type SimulatedDefinition, simulatedSaga } from './simulated-saga.ts';

type Store = SagaStore<InMemoryTransaction>;

/** A known bug, built in to see that the checks find it. */
export interface Plant {
  readonly store?: (store: Store, clock: VirtualClock) => Store;
  /** Whether participants honour keys. */
  readonly deafToKeys?: boolean;
  /** A step whose undoing is forgotten. */
  readonly forgetsUndoOf?: string;
  /** What engines run in place of the right definition. */
  readonly definition?: (definition: SimulatedDefinition) => SimulatedDefinition;
}

/** What became of one seed; `story` is the journals as text, the same for the same seed. */
export interface Simulated {
  readonly violations: readonly Violation[];
  readonly story: string;
}

const LEASE_MS = 600;
const CHAOS_MS = 2_500;
const LIMIT_MS = 120_000;

/** What somebody is told who asks for something at the wrong time. */
const TOO_LATE: ReadonlySet<string | undefined> = new Set([
  'SAGA_ALREADY_FINISHED',
  'SAGA_PAST_PIVOT',
  'SAGA_OPERATION_REFUSED',
  'SAGA_NOT_RESUMABLE',
]);

/** Steps that a person may go back to. */
const REWINDS = ['one', 'left', 'right', 'within', 'write', 'told'] as const;

const unavailable = (): PotterError =>
  new PotterError('DATABASE_UNAVAILABLE', { message: 'The simulation broke the connection.' });

/** Runs a few sagas on two or three processes in a world where everything that can go wrong does, as the seed says. */
export async function simulate(seed: number, plant: Plant = {}): Promise<Simulated> {
  const { stackTraceLimit } = Error;
  // Simulated failures are very many, and nobody looks at where they were made.
  Error.stackTraceLimit = 0;
  try {
    const world = new World(seed, plant);
    const end = world.run();
    return await world.clock.settle(end, { limit: LIMIT_MS * 3 });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly #random: () => number;
  readonly #plant: Plant;
  readonly #base: Store;
  readonly #store: Store;
  readonly #ledger = new ParticipantLedger();
  readonly #duplicates: LedgerEntry[] = [];
  readonly #violations: Violation[] = [];
  readonly #plans = new Map<string, Plan>();
  readonly #tries = new Map<string, number>();
  readonly #newestToken = new Map<string, bigint>();
  readonly #processes: { process: SimulatedProcess<InMemoryTransaction>; engine: Engine }[] = [];
  readonly #cancelled = new Set<string>();
  readonly #order: 'reverse' | 'parallel';
  #chaos = true;
  #workers = 0;

  constructor(seed: number, plant: Plant) {
    this.#random = randomOf(seed);
    this.#plant = plant;
    this.#order = this.#chance(0.5) ? 'reverse' : 'parallel';
    this.#base = new InMemorySagaStore({ clock: this.clock });
    this.#store = this.#watched(plant.store?.(this.#base, this.clock) ?? this.#base);
  }

  async run(): Promise<Simulated> {
    const processes = 2 + Math.floor(this.#random() * 2);
    for (let n = 0; n < processes; n += 1) this.#spawn();
    const sagas = this.#chance(0.5) ? ['saga-0'] : ['saga-0', 'saga-1'];
    const clients = sagas.map((sagaId) => this.#client(sagaId));
    const keeper = this.#keepAlive();
    await sleep(CHAOS_MS, { clock: this.clock });
    this.#chaos = false;
    await keeper;
    await Promise.all(clients);
    const journals: unknown[] = [];
    for (const sagaId of sagas) journals.push(...(await this.#judge(sagaId)));
    for (const { process } of this.#processes) process.kill();
    return { violations: this.#violations, story: JSON.stringify(journals) };
  }

  /** Starts the saga until somebody says it is started, and tells it things at any time. */
  async #client(sagaId: string): Promise<void> {
    await this.#wait(this.#random() * 200);
    const input = { checks: this.#chance(0.5), undo: this.#order };
    await this.#insist((engine) => engine.start(engine.definition, input, { sagaId }));
    const told = [
      this.#tellLater(sagaId, 1_800, (engine, n) =>
        engine.signal(sagaId, goAhead, n, { messageId: 'go' }),
      ),
    ];
    // The same word again is heard once.
    if (this.#chance(0.3))
      told.push(
        this.#tellLater(sagaId, 800, (engine, n) =>
          engine.signal(sagaId, goAhead, n, { messageId: 'go' }),
        ),
      );
    if (this.#chance(0.2)) {
      told.push(
        this.#tellLater(sagaId, 2_000, async (engine) => {
          await engine.cancel(sagaId, { messageId: 'cancel' });
          this.#cancelled.add(sagaId);
        }),
      );
    }
    if (this.#chance(0.3)) told.push(this.#pauses(sagaId));
    await Promise.all(told);
  }

  /** Pauses the saga, and goes on with it, from where it is or from further back. */
  async #pauses(sagaId: string): Promise<void> {
    await this.#tellLater(sagaId, 1_500, (engine) => engine.pause(sagaId, { messageId: 'pause' }));
    const step = REWINDS[Math.floor(this.#random() * REWINDS.length)];
    if (step && this.#chance(0.6)) {
      await this.#tellLater(sagaId, 500, (engine) =>
        engine.rewind(sagaId, step, { messageId: 'rewind' }),
      );
    }
    await this.#tellLater(sagaId, 500, (engine) => engine.resume(sagaId, { messageId: 'resume' }));
  }

  async #tellLater(
    _sagaId: string,
    withinMs: number,
    tell: (engine: Engine, n: number) => Promise<unknown>,
  ): Promise<void> {
    await this.#wait(this.#random() * withinMs);
    const n = Math.floor(this.#random() * 10);
    await this.#insist(async (engine) => {
      try {
        await tell(engine, n);
      } catch (error) {
        if (!TOO_LATE.has((error as PotterError).code)) throw error;
      }
    });
  }

  async #insist(work: (engine: Engine) => Promise<unknown>): Promise<void> {
    for (;;) {
      const living = this.#processes.filter(({ process }) => !process.isDead);
      const chosen = living[Math.floor(this.#random() * living.length)];
      if (chosen) {
        const { process, engine } = chosen;
        try {
          const answer = work(engine).then(() => 'answered');
          if ((await Promise.race([answer, process.death])) === 'answered') return;
        } catch {
          // The client does not know what became of it, and asks again.
        }
      }
      await this.#wait(50);
    }
  }

  /** Replaces dead processes, and kills and stalls living ones. */
  async #keepAlive(): Promise<void> {
    while (this.#chaos) {
      await this.#wait(this.#random() * 400);
      const living = this.#processes.filter(({ process }) => !process.isDead);
      const chosen = living[Math.floor(this.#random() * living.length)];
      const fate = this.#random();
      if (fate < 0.3) chosen?.process.kill();
      else if (fate < 0.5) chosen?.engine.stall(this.#random() * LEASE_MS * 3);
      else if (fate < 0.6) void chosen?.engine.stop({ timeout: 200 });
      else if (fate < 0.7) chosen?.engine.jump((this.#random() - 0.5) * 2_000);
      if (living.length < 2) this.#spawn();
    }
    this.#spawn();
  }

  #spawn(): void {
    const stall = { untilMs: 0 };
    const skew = { ms: this.#chance(0.3) ? (this.#random() - 0.5) * 600 : 0 };
    const untilAwake = async (): Promise<void> => {
      for (;;) {
        const leftMs = stall.untilMs - this.clock.now().getTime();
        if (leftMs <= 0) return;
        await this.#wait(leftMs);
      }
    };
    const clock: Clock = {
      now: () => new Date(this.clock.now().getTime() + Math.round(skew.ms)),
      schedule: (delayMs, callback) => {
        let timer = this.clock.schedule(delayMs, () => {
          const leftMs = stall.untilMs - this.clock.now().getTime();
          if (leftMs > 0) timer = this.clock.schedule(leftMs, callback);
          else callback();
        });
        return { cancel: () => timer.cancel() };
      },
    };
    const process: SimulatedProcess<InMemoryTransaction> = new SimulatedProcess(
      this.#deaf(this.#store),
      clock,
      this.#trouble(() => process.kill(), untilAwake),
    );
    const definition = this.#definition(process, untilAwake);
    const engine = Object.assign(
      createSagaEngine({
        store: process.store,
        clock: process.clock,
        definitions: [this.#plant.definition?.(definition) ?? definition],
        workerId: `worker-${(this.#workers += 1)}`,
        lease: LEASE_MS,
        poll: 190,
        keep: 200,
        grace: 100,
        random: this.#random,
      }),
      {
        definition,
        stall: (ms: number) => void (stall.untilMs = this.clock.now().getTime() + ms),
        jump: (ms: number) => void (skew.ms += ms),
      },
    );
    this.#processes.push({ process, engine });
    engine.run().catch(() => {});
  }

  /** Calls that are late, fail, succeed without an answer, or are the last their process makes. */
  #trouble(kill: () => void, untilAwake: () => Promise<void>): SagaStoreInterceptor {
    return async (call, proceed) => {
      await untilAwake();
      if (!this.#chaos) return proceed();
      if (this.#chance(0.3)) await this.#wait(this.#random() * 40);
      if (this.#chance(0.03)) throw unavailable();
      if (this.#chance(0.01)) kill();
      const value = await proceed();
      if (this.#chance(0.01)) kill();
      // A lost answer to `listen` would leave a listener nobody can remove: the store forgets it with the connection.
      if (this.#chance(0.04) && call.method !== 'listen') throw unavailable();
      if (this.#chance(0.2)) await this.#wait(this.#random() * 80);
      if (this.#chance(0.01)) await this.#wait(LEASE_MS * 2);
      await untilAwake();
      return value;
    };
  }

  /** A store whose notifications arrive late, out of order, or not at all. */
  #deaf(store: Store): Store {
    const later = (hear: () => void): void => {
      if (this.#chance(0.3)) return;
      if (this.#chance(0.5)) hear();
      else this.clock.schedule(this.#random() * 60, hear);
    };
    return {
      ...interceptSagaStore(store, (_call, proceed) => proceed()),
      listen: (listener) =>
        store.listen({
          onWork: () => later(() => listener.onWork()),
          onMessage: (sagaId) => later(() => listener.onMessage(sagaId)),
        }),
    };
  }

  /** Remembers who owned what, to see that nobody writes after somebody else took over. */
  #watched(store: Store): Store {
    return {
      ...interceptSagaStore(store, (_call, proceed) => proceed()),
      claim: async (request) => {
        const outcome = await store.claim(request);
        if (outcome.kind === 'claimed') {
          for (const { sagaId, lease } of outcome.sagas) {
            this.#newestToken.set(sagaId, lease.token);
          }
        }
        return outcome;
      },
      commit: async (commit, options) => {
        const outcome = await store.commit(commit, options);
        const newest = this.#newestToken.get(commit.sagaId) ?? 1n;
        if (outcome.kind === 'committed' && commit.lease.token < newest) {
          const detail = `${commit.lease.workerId} wrote ${commit.sagaId} with token ${commit.lease.token}, newest ${newest}`;
          this.#violations.push({ rule: 'no two owners commit', detail });
        }
        return outcome;
      },
    };
  }

  #definition(
    process: SimulatedProcess<InMemoryTransaction>,
    untilAwake: () => Promise<void>,
  ): SimulatedDefinition {
    const call = async (key: string, signal: AbortSignal): Promise<string> => {
      await process.answer(untilAwake());
      await process.answer(this.#mustBeIntended(key));
      const plan = this.#planOf(key);
      const tries = (this.#tries.get(key) ?? 0) + 1;
      this.#tries.set(key, tries);
      await process.answer(
        // Slow at first, not for ever: an undoing must end one day.
        sleep(tries > 3 ? plan.latencyMs / 10 : plan.latencyMs, {
          clock: this.clock,
          ...(plan.heedsSignal && { signal }),
        }),
      );
      const undo = key.endsWith('/undo');
      if (plan.refuses && !undo && !PAST_PIVOT.has(pathOf(key)))
        throw new Rejection('REFUSED', 'The participant says no.');
      const fails = tries <= (undo ? plan.undoFailures : plan.failures);
      if (fails && !plan.failsLate) throw new Error('The participant is not well.');
      const answer = await process.answer(this.#effect(key));
      if (fails) throw new Error('The participant broke down after its work.');
      return answer;
    };
    const undo = async (key: string, signal: AbortSignal): Promise<void> => {
      if (this.#plant.forgetsUndoOf === pathOf(key)) return;
      await call(key, signal);
    };
    const write = async (tx: InMemoryTransaction, key: string): Promise<void> => {
      if (key.endsWith('/do')) {
        await process.answer(this.#mustBeIntended(key));
        await process.answer(this.#wait(Math.min(500, this.#planOf(key).latencyMs)));
      }
      tx.onCommit(() => void this.#committed(key));
    };
    return simulatedSaga({ call, undo, write }, this.#order);
  }

  /** A transactional write needs no participant that honours keys: it happens with its journal entry, or not at all. */
  async #committed(key: string): Promise<void> {
    const written = this.#ledger.callsOf(key) + 1;
    await this.#effect(key).catch(() => {});
    const [sagaId = '', , kind] = key.split('/');
    const path = pathOf(key);
    const direction = kind === 'do' ? 'forward' : 'compensate';
    // The journal's part is visible as soon as the transaction has ended.
    await this.#wait(1);
    const entries = (await this.#base.journal(sagaId)).filter(
      ({ event }) =>
        event.type === 'AttemptCompleted' && event.path === path && event.direction === direction,
    );
    if (written === 1 && entries.length > 0) return;
    const detail = `${key} was written ${written} times, with ${entries.length} entries`;
    this.#violations.push({ rule: 'a write commits with its journal entry', detail });
  }

  async #effect(key: string): Promise<string> {
    if (this.#plant.deafToKeys && this.#ledger.callsOf(key) > 0) {
      const [sagaId = '', step = '', kind] = key.split('/');
      this.#duplicates.push({ key, sagaId, step, kind: kind as 'do' | 'undo', empty: false });
    }
    return this.#ledger.apply(key, () => `answer to ${key}`);
  }

  async #mustBeIntended(key: string): Promise<void> {
    const [sagaId = '', , kind] = key.split('/');
    const path = pathOf(key);
    const direction = kind === 'do' ? 'forward' : 'compensate';
    const journal = await this.#base.journal(sagaId);
    const intended = journal.some(
      ({ event }) =>
        event.type === 'AttemptStarted' && event.path === path && event.direction === direction,
    );
    if (!intended) this.#violations.push({ rule: 'intent before effect', detail: key });
  }

  #planOf(key: string): Plan {
    const step = key.slice(0, key.lastIndexOf('/'));
    const plan = this.#plans.get(step) ?? planOf(this.#random);
    this.#plans.set(step, plan);
    return plan;
  }

  /** Waits for the end of the saga and of those within it, and looks at them. */
  async #judge(sagaId: string): Promise<readonly unknown[]> {
    const untilMs = this.clock.now().getTime() + LIMIT_MS;
    for (let n = 0; this.clock.now().getTime() < untilMs; n += 1) {
      if (await this.#isOver(sagaId, n)) break;
      await this.#wait(400);
    }
    // What somebody does who does not know that it is over would show now.
    await this.#wait(LEASE_MS * 1.5);
    const family = await this.#family(sagaId);
    const journals: unknown[] = [];
    for (const [at, member] of family.entries()) {
      const { definition, status } = member;
      const effects = [...this.#ledger.entries, ...this.#duplicates];
      this.#violations.push(
        ...journalViolations(definition, member.journal),
        ...modelViolations(definition, member.journal),
        ...effectViolations(member, effects),
      );
      const root = family[0]?.status ?? 'pending';
      // Of those that were begun again after a rewind only the last one stays.
      const expected = at === 0 || at === family.length - 1 ? root : 'compensated';
      if (!isFinished(status) || status !== expected) {
        const detail = `${member.sagaId} is ${status} instead of ${expected}`;
        this.#violations.push({ rule: 'nothing is stranded', detail });
      }
      journals.push(member.journal.map(({ seq, event }) => ({ seq: seq.toString(), ...event })));
    }
    if (family.length === 0) {
      this.#violations.push({ rule: 'nothing is stranded', detail: `${sagaId} is lost` });
    }
    if (this.#cancelled.has(sagaId) && family[0]?.status === 'completed') {
      this.#violations.push({ rule: 'an accepted cancel wins', detail: `${sagaId} is completed` });
    }
    return journals;
  }

  /** Whether a saga and all within it are over. Where a person is needed, it is there. */
  async #isOver(sagaId: string, n: number): Promise<boolean> {
    const family = await this.#family(sagaId);
    let over = family.length > 0;
    for (const { sagaId: id, status } of family) {
      const found = await this.#base.load(id);
      over &&= isFinished(status) && found?.summary.wakeAt === null;
      if (isFinished(status)) continue;
      await this.#base.post(id, {
        kind: 'resume',
        messageId: `person-${n}`,
        at: this.clock.now(),
      });
    }
    return over;
  }

  /** A saga and those that were begun within it, in their order. */
  async #family(sagaId: string) {
    const definition = this.#processes[0]?.engine.definition;
    const node = definition?.attempted.get('within');
    if (!definition || node?.kind !== 'child') return [];
    const generations = [`${sagaId}::within`, `${sagaId}::within~1`];
    const members = [];
    for (const id of [sagaId, ...generations]) {
      const found = await this.#base.load(id);
      if (!found) continue;
      const journal = await this.#base.journal(id);
      members.push({
        sagaId: id,
        definition: id === sagaId ? definition : node.definition,
        status: found.summary.status,
        journal,
      });
    }
    return members;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #wait(ms: number): Promise<void> {
    return sleep(ms, { clock: this.clock });
  }
}

/** The step that a key is of, whether or not it was done again after a rewind. */
function pathOf(key: string): string {
  return key.split('/')[1]?.split('~')[0] ?? '';
}

type Engine = SagaEngine<InMemoryTransaction> & {
  readonly definition: SimulatedDefinition;
  readonly stall: (ms: number) => void;
  readonly jump: (ms: number) => void;
};
