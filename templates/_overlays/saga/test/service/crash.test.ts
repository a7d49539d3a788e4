import { expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { flawsOf } from '../support/all-or-nothing.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { effectsOf, settled } from '../support/sagas.ts';
import { KINDS, SLOW, start } from '../support/scenarios.ts';
import { type RunningService, startService } from '../support/service.ts';

const startOn = ({ url }: TestDatabase): Promise<RunningService> =>
  startService({ DATABASE_URL: url, LOG_LEVEL: 'info' });

async function expectAllOrNothing(api: Api, sagas: readonly { sagaId: string }[]): Promise<void> {
  const flaws = sagas.map(async ({ sagaId }) =>
    flawsOf(await settled(api, sagaId), await effectsOf(api, sagaId)),
  );
  expect((await Promise.all(flaws)).flat()).toEqual([]);
}

async function leasesIn(database: TestDatabase): Promise<number | null> {
  const text = 'SELECT FROM potter.saga_workers WHERE expires_at > now()';
  return (await database.pool.query({ text })).rowCount;
}

test.concurrent('what was accepted before kill -9 is done or undone by the next process, each effect once', async () => {
  await using database = await createTestDatabase();
  const first = await startOn(database);
  const sagas = await Promise.all(
    Array.from({ length: 24 }, (_, at) => start(first.api, KINDS[at % KINDS.length])),
  );
  await first.kill();
  await using second = await startOn(database);
  await expectAllOrNothing(second.api, sagas);
});

test.concurrent('two processes share the work; when one is killed the other finishes it', async () => {
  await using database = await createTestDatabase();
  await using left = await startOn(database);
  const right = await startOn(database);
  const sagas = await Promise.all(
    Array.from({ length: 24 }, (_, at) =>
      start(at % 2 === 0 ? left.api : right.api, KINDS[(at >> 1) % KINDS.length]),
    ),
  );
  await right.kill();
  await expectAllOrNothing(left.api, sagas);
});

test('SIGTERM while it still sets up ends it in order, and leaves no lease behind', async () => {
  await using database = await createTestDatabase();
  // It listens: what it does about sagas begins only now.
  const service = await startOn(database);
  expect(await service.stop()).toBe(0);
  expect(service.output()).not.toMatch(/nobody caught/);
  expect(await leasesIn(database)).toBe(0);
});

test('SIGTERM hands running sagas back at once, and the next process goes on with them', async () => {
  await using database = await createTestDatabase();
  const first = await startOn(database);
  const sagas = await Promise.all(Array.from({ length: 16 }, () => start(first.api, SLOW)));
  expect(await first.stop()).toBe(0);
  // Nobody holds a lease on them: whoever comes does not have to wait until one runs out.
  expect(await leasesIn(database)).toBe(0);
  await using second = await startOn(database);
  await expectAllOrNothing(second.api, sagas);
});
