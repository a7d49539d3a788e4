import type { Clock } from 'potter-runtime/foundation';
import {
  createSagaEngine,
  type InMemoryTransaction,
  type SagaEngine,
  type SagaEngineOptions,
} from 'potter-runtime/sagas';
import { SimulatedProcess } from 'potter-runtime/testing';
import type { ParticipantCalls, Participants } from './participants.ts';
import { lateNotifications, storeFaults } from './store-faults.ts';
import { type Definition, LEASE_MS, type Store, type World } from './world.ts';

/** A process with its engine, and what can befall it. */
export interface FleetMember {
  readonly process: SimulatedProcess<InMemoryTransaction>;
  readonly engine: SagaEngine<InMemoryTransaction>;
  /** As they were meant, the newest version first. */
  readonly definitions: readonly Definition[];
  /** It does nothing for so long, and notices nothing. */
  stall(ms: number): void;
  /** Somebody sets its clock. */
  jump(ms: number): void;
}

/** What every process of a fleet is made from. */
export interface FleetPlan {
  /** The store as all of them share it. */
  readonly store: Store;
  readonly participants: Participants;
  /** What the process that is made now can run. */
  readonly definitions: (calls: ParticipantCalls) => readonly Definition[];
  readonly engine?: Pick<SagaEngineOptions, 'concurrency'>;
}

/** Processes on one store, which die, are stalled, have their clocks set, stop, and are replaced. */
export class Fleet {
  readonly #world: World;
  readonly #plan: FleetPlan;
  readonly #members: FleetMember[] = [];

  constructor(world: World, plan: FleetPlan) {
    this.#world = world;
    this.#plan = plan;
  }

  get #living(): readonly FleetMember[] {
    return this.#members.filter(({ process }) => !process.isDead);
  }

  /** A new process, which runs at once. */
  spawn(): void {
    const { clock: time, chance, plant } = this.#world;
    const { participants, definitions, store, engine: options } = this.#plan;
    const stall = { untilMs: 0 };
    const skew = { ms: chance.of(0.3) ? (chance.random() - 0.5) * 600 : 0 };
    const untilAwake = async (): Promise<void> => {
      for (;;) {
        const leftMs = stall.untilMs - this.#world.nowMs;
        if (leftMs <= 0) return;
        await this.#world.wait(leftMs);
      }
    };
    const clock: Clock = {
      now: () => new Date(this.#world.nowMs + Math.round(skew.ms)),
      schedule: (delayMs, callback) => {
        let timer = time.schedule(delayMs, () => {
          const leftMs = stall.untilMs - this.#world.nowMs;
          if (leftMs > 0) timer = time.schedule(leftMs, callback);
          else callback();
        });
        return { cancel: () => timer.cancel() };
      },
    };
    const process: SimulatedProcess<InMemoryTransaction> = new SimulatedProcess(
      lateNotifications(this.#world, store),
      clock,
      storeFaults(this.#world, { kill: () => process.kill(), untilAwake }),
    );
    const meant = definitions(participants.reachedBy(process, untilAwake));
    const engine = createSagaEngine({
      store: process.store,
      clock: process.clock,
      definitions: meant.map((definition) => plant.definition?.(definition) ?? definition),
      workerId: `worker-${this.#members.length + 1}`,
      lease: LEASE_MS,
      poll: 190,
      keep: 200,
      grace: 100,
      random: chance.random,
      ...options,
    });
    this.#members.push({
      process,
      engine,
      definitions: meant,
      stall: (ms) => void (stall.untilMs = this.#world.nowMs + ms),
      jump: (ms) => void (skew.ms += ms),
    });
    engine.run().catch(() => {});
  }

  /** Replaces dead processes, and kills and stalls living ones, as long as things go wrong. */
  async keepAlive(): Promise<void> {
    const { chance } = this.#world;
    while (this.#world.chaos) {
      await this.#world.wait(chance.upTo(400));
      const living = this.#living;
      const chosen = chance.oneOf(living);
      const fate = chance.random();
      if (fate < 0.3) chosen?.process.kill();
      else if (fate < 0.5) chosen?.stall(chance.upTo(LEASE_MS * 3));
      else if (fate < 0.6) void chosen?.engine.stop({ timeout: 200 });
      else if (fate < 0.7) chosen?.jump((chance.random() - 0.5) * 2_000);
      if (living.length < 2) this.spawn();
    }
  }

  /** Asks one living process after the other until one answers: a client that got none does not know what became of it. */
  async insist(work: (member: FleetMember) => Promise<unknown>): Promise<void> {
    for (;;) {
      const chosen = this.#world.chance.oneOf(this.#living);
      if (chosen) {
        try {
          const answer = work(chosen).then(() => 'answered');
          if ((await Promise.race([answer, chosen.process.death])) === 'answered') return;
        } catch {
          // Asked again.
        }
      }
      await this.#world.wait(50);
    }
  }

  kill(which: (member: FleetMember) => boolean = () => true): void {
    for (const member of this.#living) if (which(member)) member.process.kill();
  }
}
