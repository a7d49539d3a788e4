import { Rejection } from 'potter-runtime/errors';
import { type Event, streamId } from 'potter-runtime/events';
import {
  PostgresEventStore,
  PostgresSagaStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { createSagaEngine, eventStep, saga, type SagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

type OrderEvent =
  | Event<'OrderPlaced', { readonly refused: boolean }>
  | Event<'OrderTakenBack', { readonly version: bigint }>;

const stream = streamId('order', '1');
let database: TestDatabase;
let eventStore: PostgresEventStore;
let store: PostgresSagaStore;
let engine: SagaEngine<PostgresTransaction>;

/** The store as the step sees it; the definition needs it before there is a database. */
const definition = saga<boolean, PostgresTransaction>('announced')
  .transactionalStep(
    'announce',
    eventStep<OrderEvent, boolean, unknown, PostgresTransaction>(
      { appendToStream: (...append) => eventStore.appendToStream(...append) },
      {
        events: ({ input }) => ({
          stream,
          events: [{ type: 'OrderPlaced', data: { refused: input } }],
        }),
        undo: ({ result }) => ({
          stream,
          events: [{ type: 'OrderTakenBack', data: { version: result?.version ?? 0n } }],
        }),
      },
    ),
  )
  .when(
    'refused',
    ({ input }) => input,
    (branch) =>
      branch.step('refuse', {
        execute: () => {
          throw new Rejection('REFUSED', 'No.');
        },
      }),
  )
  .build();

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'event-store'] });
  eventStore = new PostgresEventStore({ pool: database.pool });
  store = new PostgresSagaStore({ pool: database.pool });
  engine = createSagaEngine({ store, definitions: [definition] });
  await engine.run();
});

afterAll(async () => {
  await engine.stop();
  await store.close();
  await eventStore.close();
  await database.close();
});

test('an event step appends in the commit of its journal entry, and takes back by appending', async () => {
  const done = await engine.start(definition, false);
  expect(await engine.settled(done.sagaId)).toMatchObject({
    status: 'completed',
    results: { announce: { version: 1n } },
  });
  const undone = await engine.start(definition, true);
  expect(await engine.settled(undone.sagaId)).toMatchObject({ status: 'compensated' });
  const events: unknown[] = [];
  for await (const { type, data } of eventStore.readStream<OrderEvent>(stream)) {
    events.push([type, data]);
  }
  expect(events).toEqual([
    ['OrderPlaced', { refused: false }],
    ['OrderPlaced', { refused: true }],
    ['OrderTakenBack', { version: 2n }],
  ]);
  // One transaction wrote both: a row of the journal and one of the events have the same id of it.
  const { rows } = await database.pool.query(
    `SELECT count(*)::int AS n FROM potter.events e JOIN potter.saga_journal j ON j.xmin = e.xmin`,
  );
  expect(rows).toEqual([{ n: 3 }]);
});
