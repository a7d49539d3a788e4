import {
  InMemorySagaStore,
  type InMemoryTransaction,
  type SagaDefinition,
  type SagaStore,
} from 'potter-runtime/sagas';
import { type Violation, VirtualClock } from 'potter-runtime/testing';
import { Chance } from './chance.ts';

export type Store = SagaStore<InMemoryTransaction>;
export type Definition = SagaDefinition<unknown, InMemoryTransaction>;

/** A known bug, built in to see that the checks find it. */
export interface Plant {
  readonly store?: (store: Store, clock: VirtualClock) => Store;
  /** Whether participants honour keys. */
  readonly deafToKeys?: boolean;
  /** A step whose undoing is forgotten. */
  readonly forgetsUndoOf?: string;
  /** What engines run in place of the right definition. */
  readonly definition?: <Known extends SagaDefinition<unknown, never>>(definition: Known) => Known;
}

/** How long a process may be silent. */
export const LEASE_MS = 600;

/** What all parts of one simulation share: time, chance, the true store, and what was found wrong so far. */
export class World {
  readonly clock = new VirtualClock();
  readonly chance: Chance;
  readonly plant: Plant;
  /** As it is, without the faults that processes see. */
  readonly store: Store = new InMemorySagaStore({ clock: this.clock });
  readonly violations: Violation[] = [];
  /** Whether things still go wrong; at the end they no longer do, so that everything can come to its end. */
  chaos = true;

  constructor(seed: number, plant: Plant) {
    this.chance = new Chance(seed);
    this.plant = plant;
  }

  get nowMs(): number {
    return this.clock.now().getTime();
  }

  readonly report = (rule: string, detail: string): void => {
    this.violations.push({ rule, detail });
  };

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.schedule(ms, resolve));
  }
}
