import { Rejection } from 'potter-runtime/errors';
import { type Event, type StreamId, streamId } from 'potter-runtime/events';
import { newId } from 'potter-runtime/foundation';
import {
  PostgresEventStore,
  PostgresProjectionStore,
  PostgresSagaFeed,
  PostgresSagaQueries,
  PostgresSagaStore,
  type PostgresTransaction,
  SAGA_READ_MODEL,
  sagaReadModel,
} from 'potter-runtime/postgres';
import { createProjectionRunner, project } from 'potter-runtime/projections';
import { createSagaEngine, eventStep, saga } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CuttingPool } from '../../../support/cutting-pool.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { insist } from '../../../support/insist.ts';
import { dumpViews } from './saga-view-fixtures.ts';

type OrderEvent =
  | Event<'OrderPlaced', { readonly at: string }>
  | Event<'OrderTakenBack', { readonly at: string }>;

/** Every so-manieth point, or all of them for those who ask for it. */
const STRIDE = isFullRun ? 1 : 7;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({
    components: ['sagas', 'event-store', 'projections', 'saga-read-models'],
  });
});

afterAll(() => database.close());

function streamOf(sagaId: string): StreamId {
  return streamId('order', sagaId);
}

/** A saga that announces what it does, and takes it back when it is refused. */
function announced(events: Pick<PostgresEventStore, 'appendToStream'>) {
  return saga<boolean, PostgresTransaction>('announced')
    .transactionalStep(
      'announce',
      eventStep<OrderEvent, boolean, unknown, PostgresTransaction>(events, {
        events: ({ sagaId }) => ({
          stream: streamOf(sagaId),
          events: [{ type: 'OrderPlaced', data: { at: sagaId } }],
        }),
        undo: ({ sagaId }) => ({
          stream: streamOf(sagaId),
          events: [{ type: 'OrderTakenBack', data: { at: sagaId } }],
        }),
      }),
    )
    .step('ask', {
      execute: ({ input: isRefused }) => {
        if (isRefused) throw new Rejection('REFUSED', 'No.');
      },
    })
    .build();
}

test.each([
  ['completed', false, ['OrderPlaced']],
  ['compensated', true, ['OrderPlaced', 'OrderTakenBack']],
] as const)(
  'a connection lost before or after any statement leaves an event with its journal entry or neither, and of the read model all or none; %s',
  { timeout: 600_000 },
  async (expected, isRefused, types) => {
    await using pool = new CuttingPool(database.url);
    await using events = new PostgresEventStore({ pool });
    await using store = new PostgresSagaStore({ pool });
    const definition = announced(events);
    await using engine = createSagaEngine({
      store,
      definitions: [definition],
      lease: '8s',
      poll: 200,
    });
    await engine.run();
    await using runner = createProjectionRunner({
      store: new PostgresProjectionStore({ pool }),
      projections: [project(new PostgresSagaFeed({ pool }), sagaReadModel({ journals: store }))],
    });
    await runner.run();
    await using look = new PostgresSagaStore({ pool: database.pool });
    await using published = new PostgresEventStore({ pool: database.pool });
    const queries = new PostgresSagaQueries({ pool: database.pool, store: look });

    const run = async (): Promise<readonly string[]> => {
      const sagaId = newId();
      await insist(() => engine.start(definition, isRefused, { sagaId }));
      const { status } = await insist(() => engine.settled(sagaId));
      await insist(() => runner.waitFor(SAGA_READ_MODEL, 'caughtUp', { timeout: '1m' }));
      const found: string[] = [];
      for await (const { type } of published.readStream(streamOf(sagaId))) {
        found.push(type);
      }
      const seen = [status, (await queries.get(sagaId)).status, ...found].join();
      return seen === [expected, expected, ...types].join() ? [] : [seen];
    };
    pool.cutNext(0);
    expect(await run()).toEqual([]);
    const { points } = pool;
    const violations: string[] = [];
    let cuts = 0;
    for (let at = 1; at <= points; at += STRIDE) {
      pool.cutNext(at);
      const wrong = [...(await run()), ...(await torn())];
      violations.push(...wrong.map((what) => `cut at ${at}, ${pool.cut}: ${what}`));
      if (pool.cut !== undefined) cuts += 1;
    }
    pool.cutNext(0);
    console.log(
      `event step and read model, ${expected}: ${cuts} connections cut at ${points} points around their statements, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    expect(points).toBeGreaterThan(20);
    expect(cuts).toBeGreaterThan((points / STRIDE) * 0.5);
    const live = await dumpViews(database.pool);
    const { generation } = await runner.rebuild(SAGA_READ_MODEL);
    await expect
      .poll(async () => (await runner.progress())[0]?.live?.generation, { timeout: 60_000 })
      .toBe(generation);
    expect(await dumpViews(database.pool)).toBe(live);
  },
);

/** Events without an entry of a journal that was written by the same transaction. */
async function torn(): Promise<readonly string[]> {
  const { rows } = await database.pool.query<{ stream_id: string }>(
    `SELECT stream_id FROM potter.events e WHERE NOT EXISTS (SELECT FROM potter.saga_journal j WHERE j.xmin = e.xmin)`,
  );
  return rows.map(({ stream_id }) => `${stream_id}: its event came without a journal entry`);
}
