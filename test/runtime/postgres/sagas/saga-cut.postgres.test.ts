import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine, type SagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CuttingPool } from '../../../support/cutting-pool.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE } from '../../../support/effects-saga.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { insist } from '../../../support/insist.ts';
import { approve } from '../../../support/reference-saga.ts';
import { referenceOn, referenceViolations } from '../../../support/reference-effects.ts';
import { HOLDS_TABLE, stillPrepared, togetherOn } from '../../../support/reference-two-phase.ts';
import { tornWrites } from '../../../support/torn-writes.ts';

/** Every so-manieth point, or all of them for those who ask for it. */
const STRIDE = isFullRun ? 1 : 17;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({
    components: ['sagas', 'fences', 'two-phase-commit', 'two-phase-participant'],
  });
  await database.pool.query(`${EFFECTS_TABLE}; ${HOLDS_TABLE}`);
});

afterAll(() => database.close());

test.each(['', 'quote-b', 'commit-order'])(
  'a connection lost before or after any statement leaves all of a write or none, and the saga of every kind of node ends whole; refusing: %s',
  { timeout: 1_200_000 },
  async (refuse) => {
    await using pool = new CuttingPool(database.url);
    await using store = new PostgresSagaStore({ pool });
    await using together = togetherOn(pool);
    const definition = referenceOn(pool, together, refuse);
    await using engine: SagaEngine<PostgresTransaction> = createSagaEngine({
      store,
      definitions: [definition],
      lease: '8s',
      poll: 200,
    });
    await engine.run();
    const look = new PostgresSagaStore({ pool: database.pool });
    const run = async (): Promise<readonly string[]> => {
      const sagaId = newId();
      await insist(() => engine.start(definition, { items: 2 }, { sagaId }));
      await insist(() => approve(engine, sagaId));
      const { status } = await insist(() => engine.settled(sagaId));
      const wrong = await referenceViolations(database.pool, look, sagaId);
      return status === 'failed' ? ['the saga is failed', ...wrong] : wrong;
    };
    pool.cutNext(0);
    expect(await run()).toEqual([]);
    const { points } = pool;
    const violations: string[] = [];
    let cuts = 0;
    for (let at = 1; at <= points; at += STRIDE) {
      pool.cutNext(at);
      const wrong = await run();
      const torn = await tornWrites(database.pool);
      violations.push(...[...wrong, ...torn].map((what) => `cut at ${at}, ${pool.cut}: ${what}`));
      if (pool.cut !== undefined) cuts += 1;
    }
    await look.close();
    console.log(
      `reference saga${refuse && `, ${refuse} refusing`}: ${cuts} connections cut at ${points} points around its statements, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    expect(points).toBeGreaterThan(100);
    expect(cuts).toBeGreaterThan((points / STRIDE) * 0.7);
    expect(await stillPrepared(database.pool)).toBe(0);
  },
);
