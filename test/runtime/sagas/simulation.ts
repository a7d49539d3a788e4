import { PotterError, Rejection } from 'potter-runtime/errors';
import { exponentialBackoff, sleep } from 'potter-runtime/foundation';
import {
  createSagaEngine,
  InMemorySagaStore,
  type InMemoryTransaction,
  isFinished,
  saga,
  type SagaDefinition,
  type SagaEngine,
  type SagaStore,
} from 'potter-runtime/sagas';
import {
  effectViolations,
  interceptSagaStore,
  journalViolations,
  modelViolations,
  type LedgerEntry,
  ParticipantLedger,
  type SagaStoreInterceptor,
  SimulatedProcess,
  type Violation,
  VirtualClock,
} from 'potter-runtime/testing';
import { type Plan, planOf } from './participant-plan.ts';
import { randomOf } from './seeded-random.ts';

type Store = SagaStore<InMemoryTransaction>;

/** A known bug, built in to see that the checks find it. */
export interface Plant {
  readonly store?: (store: Store, clock: VirtualClock) => Store;
  /** Whether participants honour keys. */
  readonly deafToKeys?: boolean;
  /** A step whose undoing is forgotten. */
  readonly forgetsUndoOf?: string;
}

/** What became of one seed; `story` is the journals as text, the same for the same seed. */
export interface Simulated {
  readonly violations: readonly Violation[];
  readonly story: string;
}

const LEASE_MS = 600;
const CHAOS_MS = 5_000;
const LIMIT_MS = 120_000;

const unavailable = (): PotterError =>
  new PotterError('DATABASE_UNAVAILABLE', { message: 'The simulation broke the connection.' });

/** Runs a few sagas on two or three processes in a world where everything that can go wrong does, as the seed says. */
export async function simulate(seed: number, plant: Plant = {}): Promise<Simulated> {
  const world = new World(seed, plant);
  const end = world.run();
  await world.clock.settle(end, { limit: LIMIT_MS * 3 });
  return end;
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
  #chaos = true;
  #workers = 0;

  constructor(seed: number, plant: Plant) {
    this.#random = randomOf(seed);
    this.#plant = plant;
    this.#base = new InMemorySagaStore({ clock: this.clock });
    this.#store = this.#watched(plant.store?.(this.#base, this.clock) ?? this.#base);
  }

  async run(): Promise<Simulated> {
    const processes = 2 + Math.floor(this.#random() * 2);
    for (let n = 0; n < processes; n += 1) this.#spawn();
    const sagas = Array.from({ length: 2 }, (_, n) => `saga-${n}`);
    const clients = sagas.map((sagaId) => this.#client(sagaId));
    const keeper = this.#keepAlive();
    await sleep(CHAOS_MS, { clock: this.clock });
    this.#chaos = false;
    await keeper;
    await Promise.all(clients);
    const journals: unknown[] = [];
    for (const sagaId of sagas) journals.push(await this.#judge(sagaId));
    for (const { process } of this.#processes) process.kill();
    return { violations: this.#violations, story: JSON.stringify(journals) };
  }

  /** Starts the saga until somebody says it is started, and sometimes asks for its end. */
  async #client(sagaId: string): Promise<void> {
    await this.#wait(this.#random() * 300);
    await this.#insist((engine, definition) => engine.start(definition, { n: 1 }, { sagaId }));
    if (!this.#chance(0.4)) return;
    await this.#wait(this.#random() * 2_000);
    await this.#insist(async (engine) => {
      try {
        await engine.cancel(sagaId, { messageId: 'cancel' });
        this.#cancelled.add(sagaId);
      } catch (error) {
        if ((error as PotterError).code !== 'SAGA_ALREADY_FINISHED') throw error;
      }
    });
  }

  async #insist(work: (engine: Engine, definition: Definition) => Promise<unknown>): Promise<void> {
    for (;;) {
      const living = this.#processes.filter(({ process }) => !process.isDead);
      const chosen = living[Math.floor(this.#random() * living.length)];
      if (chosen) {
        const { process, engine } = chosen;
        try {
          const answer = work(engine, engine.definition).then(() => 'answered');
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
      if (living.length < 2) this.#spawn();
    }
    this.#spawn();
  }

  #spawn(): void {
    const stall = { untilMs: 0 };
    const untilAwake = async (): Promise<void> => {
      for (;;) {
        const leftMs = stall.untilMs - this.clock.now().getTime();
        if (leftMs <= 0) return;
        await this.#wait(leftMs);
      }
    };
    const process: SimulatedProcess<InMemoryTransaction> = new SimulatedProcess(
      this.#deaf(this.#store),
      {
        now: () => this.clock.now(),
        schedule: (delayMs, callback) =>
          this.clock.schedule(delayMs, () => {
            const leftMs = stall.untilMs - this.clock.now().getTime();
            if (leftMs > 0) this.clock.schedule(leftMs, callback);
            else callback();
          }),
      },
      this.#trouble(() => process.kill(), untilAwake),
    );
    const definition = this.#definition(process, untilAwake);
    const engine = Object.assign(
      createSagaEngine({
        store: process.store,
        clock: process.clock,
        definitions: [definition],
        workerId: `worker-${(this.#workers += 1)}`,
        lease: LEASE_MS,
        poll: 150,
        keep: 200,
        grace: 100,
        random: this.#random,
      }),
      {
        definition,
        stall: (ms: number) => void (stall.untilMs = this.clock.now().getTime() + ms),
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

  /** A store whose notifications arrive half of the time. */
  #deaf(store: Store): Store {
    return {
      ...interceptSagaStore(store, (_call, proceed) => proceed()),
      listen: (listener) =>
        store.listen({
          onWork: () => void (this.#chance(0.5) && listener.onWork()),
          onMessage: (sagaId) => void (this.#chance(0.5) && listener.onMessage(sagaId)),
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
  ): Definition {
    const policy = {
      retry: exponentialBackoff({ maxAttempts: 3, initialDelay: 50, maxDelay: 400 }),
      compensateRetry: exponentialBackoff({ maxAttempts: 1_000, initialDelay: 30, maxDelay: 200 }),
      timeout: 700,
    } as const;
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
      if (plan.refuses && !undo) throw new Rejection('REFUSED', 'The participant says no.');
      const fails = tries <= (undo ? plan.undoFailures : plan.failures);
      if (fails && !plan.failsLate) throw new Error('The participant is not well.');
      const answer = await process.answer(this.#effect(key));
      if (fails) throw new Error('The participant broke down after its work.');
      return answer;
    };
    const undo = async ({ key, signal }: { key: string; signal: AbortSignal }): Promise<void> => {
      if (this.#plant.forgetsUndoOf === key.split('/')[1]) return;
      await call(key, signal);
    };
    return saga<{ readonly n: number }, InMemoryTransaction>('simulated', {
      snapshotEvery: 3,
      maxInterruptions: 1_000,
      timeout: '4s',
    })
      .step('one', { execute: ({ key, signal }) => call(key, signal), compensate: undo, ...policy })
      .step('two', { execute: ({ key, signal }) => call(key, signal), compensate: undo, ...policy })
      .transactionalStep('three', {
        execute: async ({ tx, key }) => {
          await process.answer(this.#mustBeIntended(key));
          await process.answer(this.#wait(Math.min(500, this.#planOf(key).latencyMs)));
          tx.onCommit(() => void this.#committed(key));
        },
        compensate: ({ tx, key }) => tx.onCommit(() => void this.#committed(key)),
        ...policy,
      })
      .step('four', {
        execute: ({ key, signal }) => call(key, signal),
        compensate: undo,
        ...policy,
      })
      .build();
  }

  /** A transactional write needs no participant that honours keys: it happens with its journal entry, or not at all. */
  async #committed(key: string): Promise<void> {
    const written = this.#ledger.callsOf(key) + 1;
    await this.#effect(key).catch(() => {});
    const [sagaId = '', path, kind] = key.split('/');
    const direction = kind === 'do' ? 'forward' : 'compensate';
    // The journal's part is visible as soon as the transaction has ended.
    await this.#wait(1);
    const entries = (await this.#base.journal(sagaId)).filter(
      ({ event }) =>
        event.type === 'AttemptCompleted' && event.path === path && event.direction === direction,
    );
    if (written === 1 && entries.length === 1) return;
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
    const [sagaId = '', path, kind] = key.split('/');
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

  /** Waits for the saga's end, and looks at it. */
  async #judge(sagaId: string): Promise<unknown> {
    const untilMs = this.clock.now().getTime() + LIMIT_MS;
    for (;;) {
      const found = await this.#base.load(sagaId);
      const over = found !== undefined && isFinished(found.summary.status);
      if (over || this.clock.now().getTime() > untilMs) break;
      await this.#wait(500);
    }
    // What somebody does who does not know that it is over would show now.
    await this.#wait(LEASE_MS * 3);
    const status = (await this.#base.load(sagaId))?.summary.status ?? 'pending';
    const journal = await this.#base.journal(sagaId);
    const effects = [...this.#ledger.entries, ...this.#duplicates];
    const [{ engine } = { engine: undefined }] = this.#processes;
    const definition = engine?.definition;
    const findings = definition
      ? [
          ...journalViolations(definition, journal),
          ...modelViolations(definition, journal),
          ...effectViolations({ sagaId, definition, status, journal }, effects),
        ]
      : [];
    if (!isFinished(status)) {
      findings.push({ rule: 'nothing is stranded', detail: `${sagaId} is ${status}` });
    }
    if (this.#cancelled.has(sagaId) && status === 'completed') {
      findings.push({ rule: 'an accepted cancel wins', detail: `${sagaId} is ${status}` });
    }
    this.#violations.push(...findings);
    return journal.map(({ seq, event }) => ({ seq: seq.toString(), ...event }));
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #wait(ms: number): Promise<void> {
    return sleep(ms, { clock: this.clock });
  }
}

type Definition = SagaDefinition<{ readonly n: number }, InMemoryTransaction>;
type Engine = SagaEngine<InMemoryTransaction> & {
  readonly definition: Definition;
  readonly stall: (ms: number) => void;
};
