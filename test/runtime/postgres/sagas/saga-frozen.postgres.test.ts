import { isDeepStrictEqual } from 'node:util';
import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE } from '../../../support/effects-saga.ts';
import { approve } from '../../../support/reference-saga.ts';
import { referenceOn, referenceViolations } from '../../../support/reference-effects.ts';
import { HOLDS_TABLE, stillPrepared, togetherOn } from '../../../support/reference-two-phase.ts';
import { startSagaProcess } from '../../../support/saga-process.ts';

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({
    components: ['sagas', 'fences', 'two-phase-commit', 'two-phase-participant'],
  });
  await database.pool.query(`${EFFECTS_TABLE}; ${HOLDS_TABLE}`);
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

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

/** All that there is of a saga: its journals, effects, holds and transactions. */
async function allOf(sagaId: string): Promise<unknown> {
  const rows = async (text: string): Promise<unknown> =>
    (await database.pool.query({ text, values: [sagaId] })).rows;
  return {
    journals: [await store.journal(sagaId), await store.journal(`${sagaId}::deliver`)],
    effects: await rows('SELECT * FROM effects WHERE saga_id LIKE $1 || $$%$$ ORDER BY no'),
    holds: await rows('SELECT * FROM holds WHERE saga_id = $1'),
    transactions: await rows(
      `SELECT * FROM potter.two_phase_transactions WHERE transaction_id LIKE $1 || ':%'`,
    ),
  };
}

test(
  'a process frozen past its lease, wherever it is, and woken when another has finished its saga, changes nothing',
  { timeout: 120_000 },
  async () => {
    const frozen = await Promise.all(
      PLACES.map(async ({ hold, times }) => {
        const sagaId = newId();
        const environment = { REFERENCE: 'yes', START: sagaId, HOLD: hold, HOLD_MS: '4000' };
        const process = await startSagaProcess(database.url, { ...environment, LEASE_MS: '2000' });
        onTestFinished(() => process.kill('SIGKILL'));
        await process.saidTimes('holding', times);
        process.kill('SIGSTOP');
        return { sagaId, process };
      }),
    );
    await using together = togetherOn(database.pool);
    await using engine = createSagaEngine({
      store,
      definitions: [referenceOn(database.pool, together)],
      lease: '8s',
      poll: 100,
    });
    await engine.run();
    const wake = async (
      { sagaId, process }: (typeof frozen)[number],
      index: number,
    ): Promise<readonly string[]> => {
      await approve(engine, sagaId);
      const { status } = await engine.settled(sagaId);
      const before = await allOf(sagaId);
      process.kill('SIGCONT');
      // It ends what it was in the middle of and is refused; then it hears that the saga is over.
      await process.said('settled');
      await process.ended;
      const wrong = [...(await referenceViolations(database.pool, store, sagaId))];
      if (status !== 'completed') wrong.push(`is ${status}`);
      if (!isDeepStrictEqual(await allOf(sagaId), before)) wrong.push('was changed by who woke up');
      return wrong.map((what) => `frozen ${PLACES[index]?.where}: ${what}`);
    };
    const violations = (await Promise.all(frozen.map(wake))).flat();
    console.log(
      `reference saga: processes frozen in ${frozen.length} places, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    expect(await stillPrepared(database.pool)).toBe(0);
  },
);
