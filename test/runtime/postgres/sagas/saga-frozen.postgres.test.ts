import { isDeepStrictEqual } from 'node:util';
import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE } from '../../../support/effects-saga.ts';
import { approve } from '../../../support/reference-saga.ts';
import { referenceOn, referenceViolations } from '../../../support/reference-effects.ts';
import { HOLDS_TABLE, stillPrepared, togetherOn } from '../../../support/reference-two-phase.ts';
import { startSagaProcess } from '../../../support/saga-process.ts';

/** Where a process is frozen, and in how many places at once it is then. */
const PLACES = [
  { where: 'in a step', hold: '/reserve/do', times: 1 },
  { where: 'in three parallel branches', hold: '/quote-', times: 3 },
  { where: 'in the transaction of a step', hold: '/note/do', times: 1 },
  { where: 'in the transaction of a step of a saga within it', hold: '/send/do', times: 1 },
  { where: 'before the first of several participants prepares', hold: 'east prepare', times: 1 },
  { where: 'between two that prepare', hold: 'west prepare', times: 1 },
  { where: 'after the decision, before the first commits', hold: 'east commit', times: 1 },
  { where: 'between commits', hold: 'west commit', times: 1 },
] as const;
type Place = (typeof PLACES)[number];

/** All that there is of a saga: its journals, effects, holds and transactions. */
async function allOf(
  { pool }: TestDatabase,
  store: PostgresSagaStore,
  sagaId: string,
): Promise<unknown> {
  const rows = async (text: string): Promise<unknown> =>
    (await pool.query({ text, values: [sagaId] })).rows;
  return {
    journals: [await store.journal(sagaId), await store.journal(`${sagaId}::deliver`)],
    effects: await rows('SELECT * FROM effects WHERE saga_id LIKE $1 || $$%$$ ORDER BY no'),
    holds: await rows('SELECT * FROM holds WHERE saga_id = $1'),
    transactions: await rows(
      `SELECT * FROM potter.two_phase_transactions WHERE transaction_id LIKE $1 || ':%'`,
    ),
  };
}

/** Freezes a process at a place, has another one finish its saga, and wakes it. @returns what is wrong then */
async function freezeAt({ where, hold, times }: Place): Promise<readonly string[]> {
  // Of its own: processes go on with each other's sagas, and would be frozen in those.
  await using database = await createTestDatabase({
    components: ['sagas', 'fences', 'two-phase-commit', 'two-phase-participant'],
  });
  const { url, pool } = database;
  await pool.query(`${EFFECTS_TABLE}; ${HOLDS_TABLE}`);
  await using store = new PostgresSagaStore({ pool });
  const sagaId = newId();
  const environment = { REFERENCE: 'yes', START: sagaId, HOLD: hold, HOLD_MS: '4000' };
  const process = await startSagaProcess(url, { ...environment, LEASE_MS: '2000' });
  onTestFinished(() => process.kill('SIGKILL'));
  await process.saidTimes('holding', times);
  process.kill('SIGSTOP');
  await using together = togetherOn(pool);
  await using engine = createSagaEngine({
    store,
    definitions: [referenceOn(pool, together)],
    lease: '8s',
    poll: 100,
  });
  await engine.run();
  await approve(engine, sagaId);
  const { status } = await engine.settled(sagaId);
  const before = await allOf(database, store, sagaId);
  process.kill('SIGCONT');
  // It ends what it was in the middle of and is refused; then it hears that the saga is over.
  await process.said('settled');
  await process.ended;
  const wrong = [...(await referenceViolations(pool, store, sagaId))];
  if (status !== 'completed') wrong.push(`is ${status}`);
  const after = await allOf(database, store, sagaId);
  if (!isDeepStrictEqual(after, before)) wrong.push('was changed by who woke up');
  const prepared = await stillPrepared(pool);
  if (prepared > 0) wrong.push(`${prepared} transactions are still prepared`);
  return wrong.map((what) => `frozen ${where}: ${what}`);
}

test(
  'a process frozen past its lease, wherever it is, and woken when another has finished its saga, changes nothing',
  { timeout: 180_000 },
  async () => {
    const violations = (await Promise.all(PLACES.map(freezeAt))).flat();
    console.log(
      `reference saga: processes frozen in ${PLACES.length} places, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
  },
);
