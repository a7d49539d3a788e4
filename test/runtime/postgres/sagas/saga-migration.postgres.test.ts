import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine, saga, type SagaDefinition } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

async function run(definition: SagaDefinition<null, PostgresTransaction>) {
  const engine = createSagaEngine({ store, definitions: [definition], lease: 2_000, poll: 100 });
  await engine.run();
  onTestFinished(() => engine.stop({ timeout: 0 }));
  return engine;
}

test('a saga is taken over by a newer version, its row with it, and its keys stay', async () => {
  const name = `evolving-${newId()}`;
  const keys: string[] = [];
  const forever = new Promise<null>(() => {});
  const old = saga<null, PostgresTransaction>(name)
    .step('first', { execute: ({ key }) => void keys.push(key) })
    .step('second', {
      execute: ({ key }) => {
        keys.push(key);
        return forever;
      },
      timeout: '1h',
    })
    .build();
  const next = saga<null, PostgresTransaction>(name, {
    version: 2,
    migrateFrom: { 1: { rename: { second: 'deux' } } },
  })
    .step('first', { execute: () => null })
    .step('deux', { execute: ({ key }) => void keys.push(key) })
    .transactionalStep('third', { execute: ({ key }) => void keys.push(key) })
    .build();
  const first = await run(old);
  const { sagaId } = await first.start(old, null);
  await expect.poll(() => keys.length).toBe(2);
  await first.stop({ timeout: 0 });
  const second = await run(next);
  const view = await second.settled(sagaId);
  expect([view.status, view.definitionVersion]).toEqual(['completed', 2]);
  const { rows } = await database.pool.query<{ definition_version: number }>(
    'SELECT definition_version FROM potter.sagas WHERE saga_id = $1',
    [sagaId],
  );
  expect(rows[0]?.definition_version).toBe(2);
  expect([...new Set(keys)]).toEqual([
    `${sagaId}/first/do`,
    `${sagaId}/second/do`,
    `${sagaId}/third/do`,
  ]);
});

test('a saga whose version is nowhere waits, and begins at once when a process comes that has it', async () => {
  const name = `parked-${newId()}`;
  const old = saga<null, PostgresTransaction>(name)
    .step('only', { execute: () => null })
    .build();
  const next = saga<null, PostgresTransaction>(name, { version: 2 })
    .step('only', { execute: () => null })
    .build();
  const idle = createSagaEngine({ store, definitions: [old] });
  const { sagaId } = await idle.start(old, null);
  const wrong = await run(next);
  const parked = await wrong.list({ definition: name, runnable: false });
  expect(parked.map((listing) => listing.sagaId)).toEqual([sagaId]);
  expect((await wrong.get(sagaId)).versionMissing).toBe(true);
  const right = await run(old);
  expect((await right.settled(sagaId)).status).toBe('completed');
});
