import {
  createSagaEngine,
  InMemorySagaStore,
  InMemoryTwoPhaseLog,
  type InMemoryTransaction,
  type JournalEntry,
  type SagaDefinition,
  type SagaEngine,
  type SagaEngineOptions,
  type SagaStore,
  type SagaView,
  type TwoPhaseLog,
} from 'potter-runtime/sagas';
import { interceptSagaStore, never, VirtualClock } from 'potter-runtime/testing';

type Definition = SagaDefinition<unknown, InMemoryTransaction>;

/** What the rules of sagas are tried on: a clock that only the test moves, and stores that go by it. */
export interface Ground {
  readonly clock: VirtualClock;
  /** Empty. What a transaction was told to do on its commit is done when, and only when, it has committed. */
  readonly store: SagaStore<InMemoryTransaction>;
  readonly log: TwoPhaseLog;
  /** The least time in which something else may happen. */
  turn(): Promise<void>;
}

/** Where rules are tried. */
export interface BackEnd {
  /** Fresh ground; what was on the ground before is over. */
  open(): Promise<Ground>;
  /** Of a matrix of many cases every so-manieth is tried. */
  readonly stride: number;
}

const inMemory: BackEnd = { open: async () => inMemoryGround(), stride: 1 };
let backEnd = inMemory;

/** Tries all rules of this test file there. Before they are imported. */
export function tryRulesOn(other: BackEnd): void {
  backEnd = other;
}

/** Those cases of a large matrix that this back end is tried with. */
export function sampled<T>(cases: readonly T[]): readonly T[] {
  return cases.filter((_, index) => index % backEnd.stride === 0);
}

/** The world that one rule is tried in. */
export async function openWorld(): Promise<SagaWorld> {
  return new SagaWorld(await backEnd.open());
}

function inMemoryGround(): Ground {
  const clock = new VirtualClock();
  return {
    clock,
    store: new InMemorySagaStore({ clock }),
    log: new InMemoryTwoPhaseLog({ clock }),
    turn: () => Promise.resolve(),
  };
}

/** Stores on a clock that only the test moves, and engines on them. */
export class SagaWorld {
  readonly ground: Ground;
  #engines = 0;
  readonly #dead = new Set<string>();

  constructor(ground: Ground = inMemoryGround()) {
    this.ground = ground;
  }

  get clock(): VirtualClock {
    return this.ground.clock;
  }

  get store(): SagaStore<InMemoryTransaction> {
    return this.ground.store;
  }

  /** A running engine. */
  async engine(
    definitions: readonly Definition[],
    options: Partial<SagaEngineOptions<InMemoryTransaction>> = {},
  ): Promise<SagaEngine<InMemoryTransaction>> {
    const engine = this.idle(definitions, options);
    await engine.run();
    return engine;
  }

  /** An engine that is not told to run. */
  idle(
    definitions: readonly Definition[],
    options: Partial<SagaEngineOptions<InMemoryTransaction>> = {},
  ): SagaEngine<InMemoryTransaction> {
    const workerId = `worker-${(this.#engines += 1)}`;
    const store = interceptSagaStore(this.store, (_call, proceed) =>
      this.#dead.has(workerId) ? never() : proceed(),
    );
    return createSagaEngine({
      store,
      clock: this.clock,
      definitions,
      workerId,
      random: () => 0.5,
      ...options,
    });
  }

  /** The death of a process: from now on nothing that its engine says arrives, and what it held is up for others. */
  async kill(workerId: `worker-${number}`): Promise<void> {
    this.#dead.add(workerId);
    await this.store.deregister(workerId);
  }

  /** Starts a saga and lets time pass until it is settled. */
  async settle<Input>(
    engine: SagaEngine<InMemoryTransaction>,
    definition: SagaDefinition<Input, InMemoryTransaction>,
    input: Input,
  ): Promise<SagaView> {
    const { sagaId } = await engine.start<Input>(definition, input);
    return this.settled(engine, sagaId);
  }

  /** Lets time pass until a saga is settled. */
  settled(engine: SagaEngine<InMemoryTransaction>, sagaId: string): Promise<SagaView> {
    return this.clock.settle(engine.settled(sagaId));
  }

  async events(sagaId: string): Promise<readonly JournalEntry['event'][]> {
    return (await this.store.journal(sagaId)).map(({ event }) => event);
  }

  /** The same store, as seen by somebody whose commits are counted. */
  counted(count: (commits: number) => void): SagaStore<InMemoryTransaction> {
    let commits = 0;
    return interceptSagaStore(this.store, async (call, proceed) => {
      const value = await proceed();
      if (call.method === 'create' || call.method === 'commit') count((commits += 1));
      return value;
    });
  }
}

/** For days of virtual time: a look a minute. */
export const unhurried = { poll: '1m', lease: '10m' } as const;

/** Something a test waits for. */
export function signalled<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  const resolvers: ((value: T) => void)[] = [];
  const promise = new Promise<T>((resolve) => resolvers.push(resolve));
  return { promise, resolve: (value) => resolvers.forEach((resolve) => resolve(value)) };
}
