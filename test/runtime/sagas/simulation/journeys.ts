import type { PotterError } from 'potter-runtime/errors';
import type { SagaDefinition } from 'potter-runtime/sagas';
import { childIdOf } from '../../../../runtime/src/sagas/nodes/child.ts';
import { remainingOf } from '../../../../runtime/src/testing/saga-model/saga-effects.ts';
import { type Cast, type CastMember, stored } from './cast.ts';
import type { Fleet, FleetMember, FleetPlan } from './fleet.ts';
import {
  type Change,
  goAhead,
  type JourneyInput,
  type JourneyShape,
  journeyShapes,
  PAST_PIVOT,
  REWINDS,
} from './journey-saga.ts';
import { Participants, type ParticipantCalls } from './participants.ts';
import { Played } from './played.ts';
import { watchOwners } from './watch-owners.ts';
import type { Definition, World } from './world.ts';

/** What somebody is told who asks for something at the wrong time, or of a version that has no such step. */
const TOO_LATE: ReadonlySet<string | undefined> = new Set([
  'SAGA_ALREADY_FINISHED',
  'SAGA_PAST_PIVOT',
  'SAGA_OPERATION_REFUSED',
  'SAGA_NOT_RESUMABLE',
  'SAGA_STEP_UNKNOWN',
]);

/** The sagas within a journey, in the order of their beginnings: the names of their node, and how often it was rewound. */
const CHILDREN = [
  ['within', 0],
  ['inside', 0],
  ['within', 1],
  ['inside', 1],
] as const;

/** One or two sagas with a node of every kind, paused, rewound and cancelled, while a newer version may be deployed. */
export class Journeys implements Cast {
  readonly plan: FleetPlan;
  readonly sagaIds: readonly string[];
  readonly undoesAbandoned: boolean;
  readonly #world: World;
  readonly #cancelled = new Set<string>();
  readonly #shape: JourneyShape;
  readonly #change: Change;
  readonly #shapes: { readonly old: SagaDefinition; readonly next: SagaDefinition };
  /** From then on new processes have the newer version, some of them nothing else. */
  readonly #deployedAtMs: number;

  constructor(world: World) {
    const { chance } = world;
    this.#world = world;
    this.#shape = { undo: chance.of(0.5) ? 'reverse' : 'parallel', givesUp: chance.of(0.25) };
    this.undoesAbandoned = chance.of(0.5);
    this.#change = chance.of(0.3) ? (chance.of(0.7) ? 'renamed' : 'inserted') : 'none';
    this.#shapes = journeyShapes(this.#shape, this.#change);
    this.#deployedAtMs = world.nowMs + chance.upTo(1_500);
    this.sagaIds = chance.of(0.5) ? ['saga-0'] : ['saga-0', 'saga-1'];
    this.plan = {
      store: watchOwners(world, world.plant.store?.(world.store, world.clock) ?? world.store),
      participants: new Participants(world, PAST_PIVOT),
      definitions: (calls) => this.#definitions(calls),
    };
  }

  async play(fleet: Fleet): Promise<void> {
    await Promise.all(this.sagaIds.map((sagaId) => this.#client(fleet, sagaId)));
  }

  /** Whoever cannot go on with every version makes room for somebody who can. */
  settle(fleet: Fleet): void {
    if (this.#change === 'inserted') fleet.kill(({ definitions }) => definitions.length < 2);
    fleet.spawn();
  }

  async family(sagaId: string): Promise<readonly CastMember[]> {
    const { old, next } = this.#shapes;
    const root = await stored(this.#world, sagaId, (version) => (version === 1 ? old : next));
    if (!root) return [];
    const members = [root];
    const node = [...root.definition.attempted.values()].find(({ kind }) => kind === 'child');
    if (node?.kind !== 'child') return members;
    // Under either name, and begun again after a rewind.
    for (const [name, generation] of CHILDREN) {
      const id = childIdOf(sagaId, name, generation);
      const child = await stored(this.#world, id, () => node.definition);
      if (child) members.push(child);
    }
    return members;
  }

  judge([root, ...within]: readonly CastMember[]): void {
    if (!root) return;
    if (root.status === 'completed' && this.#cancelled.has(root.sagaId)) {
      this.#world.report('an accepted cancel wins', `${root.sagaId} is completed`);
    }
    const child = within.at(-1);
    if (root.status !== 'abandoned' || !child || child.status === 'compensated') return;
    const named = remainingOf(root.journal).some((path) =>
      CHILDREN.some(([name]) => name === path),
    );
    if (!named) this.#world.report('no lost undo', `${child.sagaId} is ${child.status}`);
  }

  #definitions(calls: ParticipantCalls): readonly Definition[] {
    const played = new Played(calls);
    const { old, next } = this.#shapes;
    if (this.#change === 'none' || this.#world.nowMs < this.#deployedAtMs) return [played.of(old)];
    const both = [played.of(next), played.of(old)];
    return this.#world.chaos && this.#world.chance.of(0.6) ? both.slice(0, 1) : both;
  }

  /** Starts a saga until somebody says it is started, and tells it things at any time. */
  async #client(fleet: Fleet, sagaId: string): Promise<void> {
    const { chance } = this.#world;
    await this.#world.wait(chance.upTo(200));
    const input: JourneyInput = { checks: chance.of(0.5), undo: this.#shape.undo };
    await fleet.insist(async ({ engine, definitions: [newest] }) => {
      if (newest) await engine.start(newest, input, { sagaId });
    });
    const go = (withinMs: number): Promise<void> =>
      this.#tellLater(fleet, withinMs, ({ engine }, n) =>
        engine.signal(sagaId, goAhead, n, { messageId: 'go' }),
      );
    const told = [go(1_800)];
    // The same word again is heard once.
    if (chance.of(0.3)) told.push(go(800));
    if (chance.of(0.2)) {
      told.push(
        this.#tellLater(fleet, 2_000, async ({ engine }) => {
          await engine.cancel(sagaId, { messageId: 'cancel' });
          this.#cancelled.add(sagaId);
        }),
      );
    }
    if (chance.of(0.3)) told.push(this.#pauses(fleet, sagaId));
    await Promise.all(told);
  }

  /** Pauses the saga, and goes on with it, from where it is or from further back. */
  async #pauses(fleet: Fleet, sagaId: string): Promise<void> {
    const { chance } = this.#world;
    await this.#tellLater(fleet, 1_500, ({ engine }) =>
      engine.pause(sagaId, { messageId: 'pause' }),
    );
    const step = chance.oneOf(REWINDS);
    if (step && chance.of(0.6)) {
      await this.#tellLater(fleet, 500, ({ engine }) =>
        engine.rewind(sagaId, step, { messageId: 'rewind' }),
      );
    }
    await this.#tellLater(fleet, 500, ({ engine }) =>
      engine.resume(sagaId, { messageId: 'resume' }),
    );
  }

  async #tellLater(
    fleet: Fleet,
    withinMs: number,
    tell: (member: FleetMember, n: number) => Promise<unknown>,
  ): Promise<void> {
    const { chance } = this.#world;
    await this.#world.wait(chance.upTo(withinMs));
    const n = chance.between(0, 9);
    await fleet.insist(async (member) => {
      try {
        await tell(member, n);
      } catch (error) {
        if (!TOO_LATE.has((error as PotterError).code)) throw error;
      }
    });
  }
}
