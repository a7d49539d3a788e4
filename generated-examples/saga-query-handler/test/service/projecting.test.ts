import { test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { caughtUp, projectionOf } from '../support/queries.ts';
import { settled } from '../support/sagas.ts';
import { KINDS, start } from '../support/scenarios.ts';
import { type RunningService, startService } from '../support/service.ts';

const startOn = ({ url }: TestDatabase): Promise<RunningService> =>
  startService({ DATABASE_URL: url, LOG_LEVEL: 'info' });

const startMany = (api: Api, count: number) =>
  Promise.all(Array.from({ length: count }, (_, n) => start(api, KINDS[n % KINDS.length])));

/** Rows of the read model that are not what the journals say, and sagas that are missing in it. */
async function wrongRows({ pool }: TestDatabase): Promise<readonly object[]> {
  const { rows } = await pool.query({
    text: `SELECT s.saga_id, s.status, v.status AS shown, s.last_seq, v.seq
      FROM potter.sagas s FULL JOIN potter.saga_views v USING (saga_id)
      WHERE v.status IS DISTINCT FROM s.status OR v.seq IS DISTINCT FROM s.last_seq`,
  });
  return rows;
}

// Each has an `expect` of its own: the common one belongs to no test once one of several at a time has ended.

test.concurrent('a read model killed while it follows goes on in the next process, and misses nothing', async ({
  expect,
}) => {
  await using database = await createTestDatabase();
  const accepted: string[] = [];
  for (let round = 0; round < 2; round += 1) {
    const service = await startOn(database);
    accepted.push(...(await startMany(service.api, 12)).map(({ sagaId }) => sagaId));
    await service.kill();
  }
  await using last = await startOn(database);
  for (const sagaId of accepted) await settled(last.api, sagaId);
  await caughtUp(last.api);
  expect(await wrongRows(database)).toEqual([]);
});

test.concurrent('two processes have one projection; when its process is killed the other goes on with it', async ({
  expect,
}) => {
  await using database = await createTestDatabase();
  const first = await startOn(database);
  await using second = await startOn(database);
  const before = await startMany(first.api, 6);
  for (const { sagaId } of before) await settled(first.api, sagaId);
  await first.kill();
  const after = await startMany(second.api, 6);
  for (const { sagaId } of after) await settled(second.api, sagaId);
  await caughtUp(second.api);
  await expect.poll(() => projectionOf(second.api)).toMatchObject({ state: 'running', lag: 0 });
  expect(await wrongRows(database)).toEqual([]);
});

test.concurrent('a rebuild that is killed is ended by the next process', async ({ expect }) => {
  await using database = await createTestDatabase();
  const first = await startOn(database);
  const sagas = await startMany(first.api, 12);
  for (const { sagaId } of sagas) await settled(first.api, sagaId);
  await caughtUp(first.api);
  const { body } = await first.api.post<{ generation: number }>(
    '/api/v1/projections/saga-read-model/rebuild',
  );
  await first.kill();
  await using second = await startOn(database);
  await expect.poll(async () => (await projectionOf(second.api)).generation).toBe(body.generation);
  await caughtUp(second.api);
  expect(await wrongRows(database)).toEqual([]);
});
