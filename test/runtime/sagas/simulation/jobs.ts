import { exponentialBackoff } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, type SagaDefinition } from 'potter-runtime/sagas';
import {
  definitionLimits,
  type DefinitionLimits,
} from '../../../../runtime/src/sagas/definition/limits.ts';
import { type Cast, type CastMember, stored } from './cast.ts';
import type { Chance } from './chance.ts';
import type { Fleet, FleetPlan } from './fleet.ts';
import { Participants } from './participants.ts';
import { Played } from './played.ts';
import { LimitsWatch } from './watch-limits.ts';
import { watchOwners } from './watch-owners.ts';
import type { World } from './world.ts';

interface Job {
  readonly tenant: string;
}

const TENANTS = ['a', 'b', 'c'];

const nothing = (): null => null;
const step = {
  execute: nothing,
  compensate: nothing,
  retry: exponentialBackoff({ maxAttempts: 3, initialDelay: 50, maxDelay: 400 }),
  compensateRetry: exponentialBackoff({ maxAttempts: 1_000, initialDelay: 30, maxDelay: 200 }),
  timeout: 700,
};

const SHAPE: SagaDefinition<Job, InMemoryTransaction> = saga<Job, InMemoryTransaction>('job', {
  maxInterruptions: 1_000,
})
  .step('work', step)
  // Longer than a process keeps it: its room is given to others meanwhile.
  .sleep('rest', 250)
  .step('end', step)
  .build();

/** At least one limit, and any of the others. */
function limitsOf(chance: Chance): DefinitionLimits {
  const concurrency = chance.of(0.7) ? { concurrency: chance.between(1, 3) } : {};
  const perKey = {
    key: ({ input }: { readonly input: unknown }) => (input as Job).tenant,
    ...(chance.of(0.5) && { concurrency: chance.between(1, 2) }),
  };
  const rate = chance.of(0.4)
    ? { rate: { count: chance.between(1, 3), per: chance.between(50, 300) } }
    : {};
  return definitionLimits({ ...concurrency, perKey, ...rate });
}

/** Many small sagas of several tenants, more than their definition allows at once, with priorities. */
export class Jobs implements Cast {
  readonly plan: FleetPlan;
  readonly sagaIds: readonly string[];
  /** Their undos do not give up. */
  readonly undoesAbandoned = false;
  readonly #world: World;
  readonly #shape: SagaDefinition<Job, InMemoryTransaction>;

  constructor(world: World) {
    const { chance } = world;
    this.#world = world;
    const limits = limitsOf(chance);
    this.#shape = { ...SHAPE, limits };
    this.sagaIds = Array.from({ length: chance.between(4, 9) }, (_, n) => `job-${n}`);
    const real = world.plant.store?.(world.store, world.clock) ?? world.store;
    const watch = new LimitsWatch(world, SHAPE.name, limits);
    this.plan = {
      store: watch.watch(watchOwners(world, real)),
      participants: new Participants(world, new Set()),
      definitions: (calls) => [new Played(calls).of(this.#shape)],
      engine: { concurrency: chance.between(1, 4) },
    };
  }

  async play(fleet: Fleet): Promise<void> {
    await Promise.all(this.sagaIds.map((sagaId) => this.#client(fleet, sagaId)));
  }

  settle(fleet: Fleet): void {
    fleet.spawn();
  }

  async family(sagaId: string): Promise<readonly CastMember[]> {
    const member = await stored(this.#world, sagaId, () => this.#shape);
    return member ? [member] : [];
  }

  judge(): void {
    // What its limits say is looked at with every claim.
  }

  async #client(fleet: Fleet, sagaId: string): Promise<void> {
    const { chance } = this.#world;
    // Most of them come at once, the others into the crowd.
    if (chance.of(0.3)) await this.#world.wait(chance.upTo(1_500));
    const input = { tenant: chance.of(0.5) ? 'a' : (chance.oneOf(TENANTS) ?? 'a') };
    const priority = chance.of(0.5) ? 0 : chance.between(1, 9);
    await fleet.insist(async ({ engine, definitions: [job] }) => {
      if (job) await engine.start(job, input, { sagaId, priority });
    });
    if (!chance.of(0.1)) return;
    await this.#world.wait(chance.upTo(1_000));
    await fleet.insist(({ engine }) =>
      engine.cancel(sagaId, { messageId: 'cancel' }).catch((error: { code?: string }) => {
        if (error.code !== 'SAGA_ALREADY_FINISHED') throw error;
      }),
    );
  }
}
