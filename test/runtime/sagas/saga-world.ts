import {
  createSagaEngine,
  InMemorySagaStore,
  type InMemoryTransaction,
  type JournalEntry,
  type SagaDefinition,
  type SagaEngine,
  type SagaEngineOptions,
  type SagaStore,
  type SagaView,
} from 'potter-runtime/sagas';
import { interceptSagaStore, VirtualClock } from 'potter-runtime/testing';

type Definition = SagaDefinition<unknown, InMemoryTransaction>;

/** An in-memory store on a clock that only the test moves, and engines on it. */
export class SagaWorld {
  readonly clock = new VirtualClock();
  readonly store: SagaStore<InMemoryTransaction> = new InMemorySagaStore({ clock: this.clock });
  #engines = 0;

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
    return createSagaEngine({
      store: this.store,
      clock: this.clock,
      definitions,
      workerId: `worker-${(this.#engines += 1)}`,
      random: () => 0.5,
      ...options,
    });
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

/** Something a test waits for. */
export function signalled<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  const resolvers: ((value: T) => void)[] = [];
  const promise = new Promise<T>((resolve) => resolvers.push(resolve));
  return { promise, resolve: (value) => resolvers.forEach((resolve) => resolve(value)) };
}
