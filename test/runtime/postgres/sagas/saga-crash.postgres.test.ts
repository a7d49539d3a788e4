import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine, type SagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE, effectsSaga, expectedEffects } from '../../../support/effects-saga.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { approval } from '../../../support/reference-saga.ts';
import { referenceOn, referenceViolations } from '../../../support/reference-effects.ts';
import { startSagaProcess } from '../../../support/saga-process.ts';

/** Longer than a process can take on a busy machine: it is killed where it shall be, not overtaken before. */
const LEASE_MS = '60000';
/** Processes that are alive at once. */
const LANES = 3;

let database: TestDatabase;
let store: PostgresSagaStore;
let engine: SagaEngine<PostgresTransaction>;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'fences'] });
  await database.pool.query(EFFECTS_TABLE);
  store = new PostgresSagaStore({ pool: database.pool });
  // The process that takes over what the killed ones leave.
  engine = createSagaEngine({
    store,
    definitions: [effectsSaga(database.pool)],
    lease: 2_000,
    poll: 50,
  });
  await engine.run();
});

afterAll(async () => {
  await engine.stop();
  await store.close();
  await database.close();
});

async function effectsOf(sagaId: string): Promise<readonly string[]> {
  const { rows } = await database.pool.query<{ key: string }>(
    'SELECT key FROM effects WHERE saga_id = $1 ORDER BY no',
    [sagaId],
  );
  return rows.map(({ key }) => key);
}

/** Takeover by an expired lease has tests of its own; here it need not be waited for. */
async function expireLease(sagaId: string): Promise<void> {
  await database.pool.query(
    `UPDATE potter.saga_workers SET expires_at = '-infinity'
     WHERE worker_id = (SELECT owner FROM potter.sagas WHERE saga_id = $1)`,
    [sagaId],
  );
}

async function pointsOf(refuse: string): Promise<number> {
  const sagaId = newId();
  const process = await startSagaProcess(database.url, { START: sagaId, REFUSE: refuse, LEASE_MS });
  const line = await process.said('settled');
  await process.ended;
  return Number(line.split(' ')[2]);
}

/** What is wrong with a saga whose process was killed; undefined when nothing is. */
async function violation(sagaId: string, accepted: boolean): Promise<string | undefined> {
  const saga = await engine.settled(sagaId).catch((error: { code?: string }) => {
    if (error.code === 'SAGA_NOT_FOUND') return undefined;
    throw error;
  });
  const effects = await effectsOf(sagaId);
  if (saga === undefined) {
    if (accepted) return 'was accepted and is lost';
    return effects.length === 0 ? undefined : 'was never stored, but had effects';
  }
  if (saga.status !== 'completed' && saga.status !== 'compensated') return `is ${saga.status}`;
  const expected = expectedEffects(sagaId, saga.status);
  return effects.join() === expected.join() ? undefined : `has the effects ${effects.join()}`;
}

test.each([
  ['forwards', ''],
  ['compensating', 'yes'],
])(
  'killed with SIGKILL before, during and after every durable write, %s: nothing lost, nothing twice',
  { timeout: 180_000 },
  async (story, refuse) => {
    const points = await pointsOf(refuse);
    const queue = Array.from({ length: points }, (_, index) => index + 1);
    const violations: string[] = [];
    let killed = 0;
    const lane = async (): Promise<void> => {
      for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
        const sagaId = newId();
        const environment = {
          START: sagaId,
          REFUSE: refuse,
          KILL_AT: String(at),
          LEASE_MS,
        };
        const process = await startSagaProcess(database.url, environment);
        const how = await process.ended;
        if (how === 'SIGKILL') killed += 1;
        await expireLease(sagaId);
        const problem = await violation(sagaId, process.lines.includes(`accepted ${sagaId}`));
        if (problem !== undefined) violations.push(`point ${at} of ${points}: the saga ${problem}`);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    console.log(
      `crash-everywhere, ${story}: killed at ${killed} of ${points} points, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    expect(killed).toBe(points);
    expect(points).toBeGreaterThanOrEqual(18);
  },
);

/** A third of the points, or all of them for those who ask for it. */
const STRIDE = isFullRun ? 1 : 3;

test.each(['', 'charge', 'deliver/send', 'quote-b'])(
  'a saga of every kind of node, killed with SIGKILL around every durable write, ends whole; refusing: %s',
  { timeout: 600_000 },
  async (refuse) => {
    const recovering = createSagaEngine({
      store,
      definitions: [referenceOn(database.pool, refuse)],
      lease: 2_000,
      poll: 50,
    });
    await recovering.run();
    onTestFinished(() => recovering.stop());
    const reference = { REFERENCE: 'yes', REFUSE: refuse, LEASE_MS };
    const whole = await startSagaProcess(database.url, { ...reference, START: newId() });
    const points = Number((await whole.said('settled')).split(' ')[2]);
    await whole.ended;
    const queue = Array.from({ length: Math.floor(points / STRIDE) }, (_, at) => 1 + at * STRIDE);
    const tried = queue.length;
    const violations: string[] = [];
    let killed = 0;
    const lane = async (): Promise<void> => {
      for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
        const sagaId = newId();
        const environment = { ...reference, START: sagaId, KILL_AT: String(at) };
        const process = await startSagaProcess(database.url, environment);
        if ((await process.ended) === 'SIGKILL') killed += 1;
        else if (!process.lines.some((line) => line.startsWith('settled ')))
          violations.push(`point ${at} of ${points}: neither killed nor over`);
        for (const id of [sagaId, `${sagaId}::deliver`]) await expireLease(id);
        const wrong = await endOf(recovering, sagaId, process.lines.includes(`accepted ${sagaId}`));
        violations.push(...wrong.map((what) => `point ${at} of ${points}: ${what}`));
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    console.log(
      `reference saga${refuse && `, ${refuse} refusing`}: killed at ${killed} of ${points} points, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    // Messages that meet share a write, so a run may be over before it has passed as many points as the one that counted.
    expect(killed).toBeGreaterThan(tried * 0.6);
    expect(points).toBeGreaterThan(25);
  },
);

/** What is wrong with a reference saga that was recovered, once it is over. */
async function endOf(
  recovering: SagaEngine<PostgresTransaction>,
  sagaId: string,
  accepted: boolean,
): Promise<readonly string[]> {
  try {
    await recovering
      .signal(sagaId, approval, { by: 'Ann' }, { messageId: 'approved' })
      .catch((error: { code?: string }) => {
        if (error.code !== 'SAGA_ALREADY_FINISHED') throw error;
      });
    const { status } = await recovering.settled(sagaId);
    const wrong = await referenceViolations(database.pool, store, sagaId);
    return status === 'failed' ? ['the saga is failed', ...wrong] : wrong;
  } catch (error) {
    const isLost = (error as { code?: string }).code === 'SAGA_NOT_FOUND';
    if (!isLost) throw error;
    return accepted ? ['the saga was accepted and is lost'] : [];
  }
}
