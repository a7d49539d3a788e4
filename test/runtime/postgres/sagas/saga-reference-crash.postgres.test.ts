import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE } from '../../../support/effects-saga.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { approve } from '../../../support/reference-saga.ts';
import { referenceOn, referenceViolations } from '../../../support/reference-effects.ts';
import { HOLDS_TABLE, stillPrepared, togetherOn } from '../../../support/reference-two-phase.ts';
import { startSagaProcess } from '../../../support/saga-process.ts';

/** Longer than a process can take on a busy machine: it is killed where it shall be, not overtaken before. */
const LEASE_MS = '60000';
/** Processes that are alive at once; each in a database of its own, or they would go on with each other's sagas. */
const LANES = 3;
/** Every so-manieth point, or all of them for those who ask for it. */
const STRIDE = isFullRun ? 1 : 6;
/** So many pairs of a point and a point of the recovery. */
const PAIRS = isFullRun ? 2_000 : 8;

let databases: readonly TestDatabase[];

beforeAll(async () => {
  databases = await Promise.all(Array.from({ length: LANES }, referenceDatabase));
});

afterAll(() => Promise.all(databases.map((database) => database.close())));

async function referenceDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase({
    components: ['sagas', 'fences', 'two-phase-commit', 'two-phase-participant'],
  });
  await database.pool.query(`${EFFECTS_TABLE}; ${HOLDS_TABLE}`);
  return database;
}

/** Starts the saga in a process, or has one go on with it. @returns whether it was killed, and how many points it passed */
async function play(
  { url, pool }: TestDatabase,
  sagaId: string,
  refuse: string,
  killAt: number,
): Promise<{ readonly killed: boolean; readonly accepted: boolean; readonly points: number }> {
  const environment = { REFERENCE: 'yes', REFUSE: refuse, LEASE_MS, START: sagaId };
  const process = await startSagaProcess(url, { ...environment, KILL_AT: String(killAt) });
  const killed = (await process.ended) === 'SIGKILL';
  const settled = process.lines.find((line) => line.startsWith('settled '));
  expect(killed || settled !== undefined).toBe(true);
  // Takeover by an expired lease has tests of its own; here it need not be waited for.
  await pool.query(`UPDATE potter.saga_workers SET expires_at = '-infinity'`);
  const accepted = process.lines.includes(`accepted ${sagaId}`);
  return { killed, accepted, points: Number(settled?.split(' ')[2]) };
}

/** Lets a process that nobody kills end the saga. @returns what is wrong with it then */
async function recover(
  { pool }: TestDatabase,
  sagaId: string,
  refuse: string,
  accepted: boolean,
): Promise<readonly string[]> {
  await using store = new PostgresSagaStore({ pool });
  await using together = togetherOn(pool);
  const definitions = [referenceOn(pool, together, refuse)];
  await using engine = createSagaEngine({ store, definitions, lease: '8s', poll: 50 });
  await engine.run();
  try {
    await approve(engine, sagaId);
    const { status, error } = await engine.settled(sagaId);
    const wrong = await referenceViolations(pool, store, sagaId);
    const prepared = await stillPrepared(pool);
    if (prepared > 0) return [...wrong, `${prepared} transactions are still prepared`];
    return status === 'failed' ? [`failed at ${error?.step}: ${error?.code}`, ...wrong] : wrong;
  } catch (error) {
    if ((error as { code?: string }).code !== 'SAGA_NOT_FOUND') throw error;
    return accepted ? ['was accepted and is lost'] : [];
  }
}

/** Kills, for each case, one process after the other at its points. */
async function sweep(
  cases: readonly (readonly number[])[],
  refuse: string,
): Promise<{ readonly killed: number; readonly violations: readonly string[] }> {
  const queue = [...cases];
  const violations: string[] = [];
  let killed = 0;
  const lane = async (database: TestDatabase): Promise<void> => {
    for (let points = queue.shift(); points !== undefined; points = queue.shift()) {
      const sagaId = newId();
      let accepted = false;
      for (const at of points) {
        const played = await play(database, sagaId, refuse, at);
        accepted ||= played.accepted;
        if (played.killed) killed += 1;
      }
      const wrong = await recover(database, sagaId, refuse, accepted);
      violations.push(...wrong.map((what) => `killed at ${points.join(' and ')}: ${what}`));
    }
  };
  await Promise.all(databases.map(lane));
  return { killed, violations };
}

async function pointsOf(refuse: string): Promise<number> {
  const [database] = databases;
  return database === undefined ? 0 : (await play(database, newId(), refuse, 0)).points;
}

test.each(['', 'charge', 'deliver/send', 'quote-b'])(
  'a saga of every kind of node, killed with SIGKILL around every durable write, ends whole; refusing: %s',
  { timeout: 1_200_000 },
  async (refuse) => {
    const points = await pointsOf(refuse);
    const cases = Array.from({ length: Math.floor(points / STRIDE) }, (_, n) => [1 + n * STRIDE]);
    const { killed, violations } = await sweep(cases, refuse);
    console.log(
      `reference saga${refuse && `, ${refuse} refusing`}: killed at ${killed} of ${points} points, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    // Messages that meet share a write, so a run may be over before it has passed as many points as the one that counted.
    expect(killed).toBeGreaterThan(cases.length * 0.6);
    expect(points).toBeGreaterThan(20);
  },
);

test.each(['', 'note'])(
  'killed with SIGKILL, and the process that goes on with it killed around its writes too, it ends whole; refusing: %s',
  { timeout: 7_200_000 },
  async (refuse) => {
    const points = await pointsOf(refuse);
    const pairs = Array.from({ length: points }, (_, first) =>
      // What is left to do has about as many points as were not passed.
      Array.from({ length: points - first }, (_, second) => [first + 1, second + 1]),
    ).flat();
    const stride = Math.ceil(pairs.length / PAIRS);
    const cases = pairs.filter((_, index) => index % stride === stride - 1);
    const { killed, violations } = await sweep(cases, refuse);
    console.log(
      `reference saga${refuse && `, ${refuse} refusing`}: ${cases.length} of ${pairs.length} pairs of points, ${killed} processes killed, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    expect(killed).toBeGreaterThan(cases.length * 1.5);
  },
);
