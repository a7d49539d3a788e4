import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { journalViolations, modelViolations } from 'potter-runtime/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE, effectsSaga, expectedEffects } from '../../../support/effects-saga.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { startSagaProcess } from '../../../support/saga-process.ts';

/** Every so-manieth point, or all of them for those who ask for it. */
const STRIDE = isFullRun ? 1 : 4;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'fences'] });
  await database.pool.query(EFFECTS_TABLE);
});

afterAll(() => database.close());

/** A saga with a lock and limits, of version 1, in a process that is killed at a point; 0: nowhere. */
async function play(sagaId: string, refuse: string, killAt: number) {
  const process = await startSagaProcess(database.url, {
    START: sagaId,
    REFUSE: refuse,
    LOCK: `key of ${sagaId}`,
    CONCURRENCY: '1',
    KILL_AT: String(killAt),
    LEASE_MS: '60000',
  });
  const how = await process.ended;
  await database.pool.query(`UPDATE potter.saga_workers SET expires_at = '-infinity'`);
  const settled = process.lines.find((line) => line.startsWith('settled '));
  return {
    isKilled: how === 'SIGKILL',
    isAccepted: process.lines.includes(`accepted ${sagaId}`),
    points: Number(settled?.split(' ')[2]),
  };
}

/** Has a process with version 2 alone end the saga. @returns what is wrong with it then, and its version */
async function recover(sagaId: string, isAccepted: boolean) {
  await using store = new PostgresSagaStore({ pool: database.pool });
  const definition = effectsSaga(database.pool, { concurrency: 1 }, 2);
  const options = { store, definitions: [definition], lease: '8s', poll: 50 } as const;
  await using engine = createSagaEngine(options);
  await engine.run();
  const view = await engine.settled(sagaId).catch((error: { code?: string }) => {
    if (error.code !== 'SAGA_NOT_FOUND') throw error;
  });
  if (!view) return { wrong: isAccepted ? ['was accepted and is lost'] : [], version: 0 };
  if (view.status !== 'completed' && view.status !== 'compensated') {
    return { wrong: [`is ${view.status}`], version: view.definitionVersion };
  }
  const { rows } = await database.pool.query<{ key: string }>(
    'SELECT key FROM effects WHERE saga_id = $1 ORDER BY no',
    [sagaId],
  );
  const effects = rows.map(({ key }) => key).join();
  const journal = await store.journal(sagaId);
  const broken = [
    ...journalViolations(definition, journal),
    ...modelViolations(definition, journal),
  ];
  return {
    wrong: [
      ...broken.map(({ rule, detail }) => `${rule}: ${detail}`),
      ...(effects === expectedEffects(sagaId, view.status).join() ? [] : [`has ${effects}`]),
    ],
    version: view.definitionVersion,
  };
}

test.each([
  ['forwards', ''],
  ['compensating', 'yes'],
])(
  'a saga with a lock and limits, killed with SIGKILL around every durable write and taken over by a newer version, ends whole: %s',
  { timeout: 300_000 },
  async (story, refuse) => {
    const { points } = await play(newId(), refuse, 0);
    const violations: string[] = [];
    const versions = new Set<number>();
    let killed = 0;
    for (let at = 1; at <= points; at += STRIDE) {
      const sagaId = newId();
      const { isKilled, isAccepted } = await play(sagaId, refuse, at);
      if (isKilled) killed += 1;
      const { wrong, version } = await recover(sagaId, isAccepted);
      versions.add(version);
      violations.push(...wrong.map((what) => `point ${at} of ${points}: ${what}`));
    }
    const { rows } = await database.pool.query(
      'SELECT key FROM potter.saga_locks UNION ALL SELECT key FROM potter.saga_lock_keys',
    );
    console.log(
      `lock, limits and a new version, ${story}: killed at ${killed} of ${points} points, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    expect(rows).toEqual([]);
    expect(versions).toContain(2);
    expect(points).toBeGreaterThan(15);
    expect(killed).toBeGreaterThan((points / STRIDE) * 0.6);
  },
);
