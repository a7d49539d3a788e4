import { expect, test } from 'vitest';
import { flawsOf } from '../support/all-or-nothing.ts';
import { createTestDatabase } from '../support/database.ts';
import { effectsOf, settled } from '../support/sagas.ts';
import { type Accepted, KINDS, lines, start } from '../support/scenarios.ts';
import { startService } from '../support/service.ts';
import { flawsOnShelves } from '../support/warehouses.ts';

/** How long after its first order a process is killed, in ms: between them these hit every phase. */
const KILLED_AFTER_MS = [5, 40, 90, 160];

test('killed again and again in the middle of everything, stock adds up and nothing stays prepared', async () => {
  await using database = await createTestDatabase();
  const environment = { DATABASE_URL: database.url, LOG_LEVEL: 'info' };
  const accepted: Accepted[] = [];
  for (const [at, ms] of KILLED_AFTER_MS.entries()) {
    const doomed = await startService(environment);
    const orders = Promise.allSettled(KINDS.map((kind) => start(doomed.api, kind)));
    if (at === 0) await orders;
    await new Promise((resolve) => setTimeout(resolve, ms));
    await doomed.kill();
    // What was not answered by then was accepted or was not; what was is a promise.
    for (const order of await orders) if (order.status === 'fulfilled') accepted.push(order.value);
  }
  await using last = await startService(environment);
  const flaws = accepted.map(async ({ sagaId }) =>
    flawsOf(await settled(last.api, sagaId), await effectsOf(last.api, sagaId)),
  );
  expect((await Promise.all(flaws)).flat()).toEqual([]);
  expect(accepted.length).toBeGreaterThanOrEqual(KINDS.length);
  // Sagas whose acceptance nobody heard of end too.
  const { rows } = await database.pool.query<{ saga_id: string }>({
    text: 'SELECT saga_id FROM potter.sagas',
  });
  for (const { saga_id: sagaId } of rows) await settled(last.api, sagaId);
  const inDoubt = await last.api.get('/api/v1/transactions?state=in-doubt');
  expect(inDoubt.body).toEqual({ transactions: [] });
  expect(await flawsOnShelves(database)).toEqual([]);
});

test('a warehouse that is down holds up its own orders only, and gets its commits when it is back', async () => {
  await using database = await createTestDatabase();
  // Nobody answers at this address.
  const environment = { DATABASE_URL: database.url, LOG_LEVEL: 'info' };
  const withoutNorth = await startService({ ...environment, NORTH_URL: 'http://127.0.0.1:9' });
  const waiting = await start(withoutNorth.api);
  const line = (warehouseId: string) => ({ warehouseId, sku: 'sku-1', quantity: 1 });
  const free = await start(withoutNorth.api, { lines: [line('east'), line('west')] });
  expect(await settled(withoutNorth.api, free.sagaId)).toMatchObject({ status: 'completed' });
  const before = await withoutNorth.api.get<{ status: string }>(`/api/v1/sagas/${waiting.sagaId}`);
  expect(before.body.status).toBe('running');
  expect(await withoutNorth.stop()).toBe(0);
  await using withNorth = await startService(environment);
  expect(await settled(withNorth.api, waiting.sagaId)).toMatchObject({ status: 'completed' });
  expect(await flawsOnShelves(database)).toEqual([]);
});

test('a service begins its work while a shelf is locked by what a crash left prepared', async () => {
  await using database = await createTestDatabase();
  const east = await database.warehousePool('east').connect();
  await east.query({ text: 'BEGIN' });
  await east.query({ text: 'UPDATE stock SET held = held' });
  await east.query({ text: `PREPARE TRANSACTION 'left-behind'` });
  await using service = await startService({ DATABASE_URL: database.url, LOG_LEVEL: 'info' });
  const { sagaId } = await start(service.api, { lines: lines(1, 'west', 'north') });
  expect(await settled(service.api, sagaId)).toMatchObject({ status: 'completed' });
  await east.query({ text: `ROLLBACK PREPARED 'left-behind'` });
  east.release();
  expect(await flawsOnShelves(database)).toEqual([]);
});
