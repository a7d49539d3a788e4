import { repository } from 'potter-runtime/aggregates';
import {
  createHttpService,
  createLogger,
  environment,
  postgresUrl,
  sagaRoutes,
  text,
} from 'potter-runtime/http';
import { projectMigrator } from 'potter-runtime/migrations';
import {
  createPool,
  databaseReadiness,
  PostgresEventStore,
  PostgresIdempotencyStore,
  PostgresSagaStore,
  type PostgresTransaction,
  translatePostgresError,
} from 'potter-runtime/postgres';
import { PrometheusMeter } from 'potter-runtime/prometheus';
import { createSagaEngine } from 'potter-runtime/sagas';
import { orderSaga } from './application/order-saga.ts';
import type { Orders } from './application/orders.ts';
import { order } from './domain/order.ts';
import { PostgresInventory } from './infrastructure/postgres-inventory.ts';
import { PostgresPayments } from './infrastructure/postgres-payments.ts';
import { PostgresShipping } from './infrastructure/postgres-shipping.ts';
import { effectsRoute } from './interfaces/effects-route.ts';
import { inventoryRoute } from './interfaces/inventory-route.ts';
import { orderRoutes } from './interfaces/order-routes.ts';

// The only place where the parts meet.
const env = environment({ DATABASE_URL: postgresUrl(), NODE_ENV: text({ default: 'development' }) });
const name = 'saga-order';
const logger = createLogger({ name, level: env.LOG_LEVEL });
const meter = new PrometheusMeter();

const pool = createPool(env.DATABASE_URL, { applicationName: name, maxConnections: 20, logger });
const eventStore = new PostgresEventStore({ pool, logger, meter });
const orders: Orders<PostgresTransaction> = repository(order, { eventStore, logger, meter });

const inventory = new PostgresInventory(pool);
const payments = new PostgresPayments(pool);
const shipping = new PostgresShipping(pool);
const fulfilment = orderSaga({ inventory, payments, shipping, orders });
const sagaStore = new PostgresSagaStore({ pool, logger });
const sagas = createSagaEngine({ store: sagaStore, definitions: [fulfilment], logger, meter });

const service = await createHttpService({
  name,
  version: '0.1.0',
  logger,
  metrics: meter,
  readiness: databaseReadiness(pool, await projectMigrator({ databaseUrl: env.DATABASE_URL })),
  idempotency: new PostgresIdempotencyStore({ pool }),
  translateError: translatePostgresError,
  shutdownTimeout: env.SHUTDOWN_TIMEOUT,
  // In this order, once the last request is answered: running sagas are handed back before the database goes.
  resources: [
    { name: 'sagas', close: (withinMs) => sagas.stop({ timeout: withinMs }) },
    { name: 'saga store', close: () => sagaStore.close() },
    { name: 'event store', close: () => eventStore.close() },
    { name: 'database pool', close: () => pool.close() },
  ],
});
orderRoutes(service, { pool, eventStore, orders, sagas, orderSaga: fulfilment });
sagaRoutes(service, sagas);
inventoryRoute(service, inventory);
if (env.NODE_ENV !== 'production') effectsRoute(service, pool);

await service.run({ port: env.PORT, host: env.HOST });
// Asked to stop by now, it begins nothing: nobody would give it back.
if (!service.stopping.aborted) await sagas.run();
