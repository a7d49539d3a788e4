import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { flawsOf } from '../support/all-or-nothing.ts';
import { createTestDatabase } from '../support/database.ts';
import { effectsOf, settled } from '../support/sagas.ts';
import { type Accepted, KINDS, lines, start } from '../support/scenarios.ts';
import { startService } from '../support/service.ts';
import { expectWholeShelves } from '../support/warehouses.ts';

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
  // Of an abort that a warehouse did not hear it is told again.
  const inDoubt = async () => (await last.api.get('/api/v1/transactions?state=in-doubt')).body;
  await expect.poll(inDoubt).toEqual({ transactions: [] });
  await expectWholeShelves(database);
});

test('a warehouse that does not answer holds up its own orders only, and gets its commits when it is back', async () => {
  await using database = await createTestDatabase();
  await using silent = await silentWarehouse();
  const environment = { DATABASE_URL: database.url, LOG_LEVEL: 'info' };
  const withoutNorth = await startService({ ...environment, NORTH_URL: silent.url });
  const waiting = await start(withoutNorth.api);
  // By now the one that is asked before it has prepared; to give up takes minutes.
  await silent.asked;
  const besideIt = [{ warehouseId: 'east', sku: 'sku-2', quantity: 1 }, ...lines(1, 'west')];
  const free = await start(withoutNorth.api, { lines: besideIt });
  expect(await settled(withoutNorth.api, free.sagaId)).toMatchObject({ status: 'completed' });
  const before = await withoutNorth.api.get<{ status: string }>(`/api/v1/sagas/${waiting.sagaId}`);
  expect(before.body.status).toBe('running');
  expect(await withoutNorth.stop()).toBe(0);
  await using withNorth = await startService(environment);
  expect(await settled(withNorth.api, waiting.sagaId)).toMatchObject({ status: 'completed' });
  await expectWholeShelves(database);
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
  await expectWholeShelves(database);
});

interface SilentWarehouse extends AsyncDisposable {
  readonly url: string;
  /** Once it was asked to prepare something. */
  readonly asked: Promise<void>;
}

/** A service that takes every request and answers none. */
async function silentWarehouse(): Promise<SilentWarehouse> {
  const server = createServer();
  const asked = new Promise<void>((resolve) =>
    server.on('request', ({ url }) => {
      if (url?.endsWith('/prepare')) resolve();
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
