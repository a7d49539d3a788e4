import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { expect, test } from 'vitest';
import { orderSaga } from '../../src/application/order-saga.ts';
import { PostgresCustoms } from '../../src/infrastructure/postgres-customs.ts';
import { PostgresOrders } from '../../src/infrastructure/postgres-orders.ts';
import { PostgresShipping } from '../../src/infrastructure/postgres-shipping.ts';
import { PostgresVerification } from '../../src/infrastructure/postgres-verification.ts';
import { PostgresVipBenefits } from '../../src/infrastructure/postgres-vip-benefits.ts';
import { createTestDatabase } from '../support/database.ts';
import { SLOW, start } from '../support/scenarios.ts';
import { startService } from '../support/service.ts';

test('what was decided before kill -9 is not decided again, even where the rules have changed since', async () => {
  await using database = await createTestDatabase();
  const service = await startService({ DATABASE_URL: database.url });
  const { sagaId } = await start(service.api, SLOW);
  await until(service.url, sagaId, 'Decided');
  await service.kill();

  // The next process, with rules by which the order would not be large.
  const { pool } = database;
  const definition = orderSaga<PostgresTransaction>(
    {
      verification: new PostgresVerification(pool),
      vipBenefits: new PostgresVipBenefits(pool),
      customs: new PostgresCustoms(pool),
      carriers: {
        express: new PostgresShipping(pool, 'express'),
        standard: new PostgresShipping(pool, 'standard'),
      },
      orders: new PostgresOrders(pool),
    },
    { largeOrderCents: Number.MAX_SAFE_INTEGER },
  );
  await using store = new PostgresSagaStore({ pool });
  await using engine = createSagaEngine({ store, definitions: [definition] });
  await engine.run();
  expect(await engine.settled(sagaId)).toMatchObject({
    status: 'completed',
    results: { 'verify-large-order': { verificationId: expect.any(String) } },
  });
  const decided = (await store.journal(sagaId)).flatMap(({ event }) =>
    event.type === 'Decided' ? [`${event.path}: ${event.branch}`] : [],
  );
  expect(decided).toEqual([
    'is-large: is-large',
    'is-vip: null',
    'crosses-border: null',
    'carrier: otherwise',
  ]);
});

/** Follows the live events of a saga until there is one of this type. */
async function until(url: string, sagaId: string, type: string): Promise<void> {
  const { body } = await fetch(`${url}/api/v1/sagas/${sagaId}/events`);
  let seen = '';
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    seen += chunk;
    if (seen.includes(`event: ${type}\n`)) return;
  }
  throw new Error(`The saga ended without ${type}:\n${seen}`);
}
