import { isFinished, type SagaStatus } from 'potter-runtime/sagas';
import {
  effectViolations,
  journalViolations,
  modelViolations,
  type Violation,
} from 'potter-runtime/testing';
import type { Cast, CastMember } from './cast.ts';
import { Fleet } from './fleet.ts';
import { Jobs } from './jobs.ts';
import { Journeys } from './journeys.ts';
import { LEASE_MS, type Plant, World } from './world.ts';

/** What became of one seed; `story` is the journals as text, the same for the same seed. */
export interface Simulated {
  readonly violations: readonly Violation[];
  /** How its sagas ended, and those within them. */
  readonly ends: readonly SagaStatus[];
  readonly story: string;
}

/** So long things go wrong, and so long after that everything may take to come to its end. */
const CHAOS_MS = 2_500;
const LIMIT_MS = 120_000;

/** How many of the seeds are about limits. */
const JOBS = 0.2;

/** Runs a few sagas on two or three processes in a world where everything that can go wrong does, as the seed says. */
export async function simulate(seed: number, plant: Plant = {}): Promise<Simulated> {
  const { stackTraceLimit } = Error;
  // Simulated failures are very many, and nobody looks at where they were made.
  Error.stackTraceLimit = 0;
  try {
    const world = new World(seed, plant);
    return await world.clock.settle(play(world), { limit: LIMIT_MS * 3 });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function play(world: World): Promise<Simulated> {
  const { chance } = world;
  const cast: Cast = chance.of(JOBS) ? new Jobs(world) : new Journeys(world);
  const fleet = new Fleet(world, cast.plan);
  const processes = chance.between(2, 3);
  for (let n = 0; n < processes; n += 1) fleet.spawn();
  const played = cast.play(fleet);
  const kept = fleet.keepAlive();
  await world.wait(CHAOS_MS);
  world.chaos = false;
  await kept;
  cast.settle(fleet);
  await played;
  const members: CastMember[] = [];
  for (const sagaId of cast.sagaIds) members.push(...(await judge(world, cast, sagaId)));
  fleet.kill();
  const story = members.map(({ journal }) =>
    journal.map(({ seq, event }) => ({ seq: seq.toString(), ...event })),
  );
  const ends = members.map(({ status }) => status);
  return { violations: world.violations, ends, story: JSON.stringify(story) };
}

/** Waits for the end of a saga and of those within it, and looks at them. */
async function judge(world: World, cast: Cast, sagaId: string): Promise<readonly CastMember[]> {
  const untilMs = world.nowMs + LIMIT_MS;
  for (let n = 0; world.nowMs < untilMs; n += 1) {
    if (await isOver(world, cast, sagaId, n)) break;
    await world.wait(400);
  }
  // What somebody does who does not know that it is over would show now.
  await world.wait(LEASE_MS * 1.5);
  const family = await cast.family(sagaId);
  if (family.length === 0) world.report('nothing is stranded', `${sagaId} is lost`);
  for (const [at, member] of family.entries()) {
    const { definition, status, journal } = member;
    world.violations.push(
      ...journalViolations(definition, journal),
      ...modelViolations(definition, journal),
      ...effectViolations(member, cast.plan.participants.effects),
    );
    const root = family[0]?.status ?? 'pending';
    // Of those that were begun again after a rewind only the last one stays. What is abandoned leaves it as it is.
    const stays = at === 0 || at === family.length - 1;
    const isRight = stays ? root === 'abandoned' || status === root : status === 'compensated';
    if (!isFinished(status) || !isRight || (root === 'abandoned' && cast.undoesAbandoned)) {
      world.report('nothing is stranded', `${member.sagaId} is ${status}, its saga ${root}`);
    }
  }
  cast.judge(family);
  return family;
}

/** Whether a saga and all within it are over. Where a person is needed, it is there. */
async function isOver(
  { store, clock }: World,
  cast: Cast,
  sagaId: string,
  n: number,
): Promise<boolean> {
  const family = await cast.family(sagaId);
  let over = family.length > 0;
  for (const { sagaId: id, status } of family) {
    const found = await store.load(id);
    // What is within it is asked by the saga itself.
    const isUndone = status === 'abandoned' && id === sagaId && cast.undoesAbandoned;
    over &&= isFinished(status) && !isUndone && found?.summary.wakeAt === null;
    if (isFinished(status) && !isUndone) continue;
    const kind = isUndone ? 'undo' : 'resume';
    await store.post(id, { kind, messageId: `person-${n}`, at: clock.now() });
  }
  return over;
}
