import type { Clock } from '../../foundation/clock.ts';
import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import type { SagaEngine, SagaEngineOptions } from '../../sagas/saga-engine.ts';
import type { SagaStore } from '../../sagas/saga-store.ts';
import type { SagaView } from '../../sagas/saga-view.ts';
import type { LedgerClient } from '../participant-ledger.ts';

/** A definition to be run in place of the right one, and what stands between its engine and the store. */
export interface CrashPlant<Input, Tx> {
  readonly definition?: (definition: SagaDefinition<Input, Tx>) => SagaDefinition<Input, Tx>;
  readonly store?: (store: SagaStore<Tx>, clock: Clock) => SagaStore<Tx>;
}

/**
 * When a process dies, seen from one durable write:
 * - `before`: the write was never made,
 * - `during`: it was made, and the process never learned of it,
 * - `after`: the process learned of it and did what follows, but never wrote again.
 */
export type KillMode = 'before' | 'during' | 'after';

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
  /**
   * Tells the saga what it waits for, once it is accepted; asked of every process, so what it sends needs a `messageId` of
   * its own, and must take a saga that is over for told.
   */
  readonly tell?: (engine: SagaEngine<Tx>, sagaId: string) => Promise<unknown>;
  /** Where the saga lives; called for each run, may give the same store each time. Default: a new in-memory store. */
  readonly store?: (clock: Clock) => SagaStore<Tx> | Promise<SagaStore<Tx>>;
  /** Default: a virtual clock a run. With a real database: the system's, and short retries. */
  readonly clock?: () => Clock;
  /** Deaths a run: 1 (default), or 2, the second at every write of the recovery from the first. */
  readonly crashes?: 1 | 2;
  /** Tries at most so many points, or pairs of them with `crashes: 2`, spread evenly over all. Default: all. */
  readonly sample?: number;
  /** Runs at the same time, each of which needs a store of its own then. Default 1. */
  readonly lanes?: number;
  /** What else must hold when a run is over; gives back what does not. */
  readonly check?: (saga: SagaView) => readonly string[] | Promise<readonly string[]>;
  readonly engine?: Pick<SagaEngineOptions, 'lease' | 'poll' | 'keep' | 'grace' | 'logger'>;
  /** A fault that is built in, to see that it is found. */
  readonly plant?: CrashPlant<Input, Tx>;
}
