import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine, type SagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE, effectsSaga, expectedEffects } from '../../../support/effects-saga.ts';
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
