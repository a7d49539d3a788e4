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
  PostgresIdempotencyStore,
  PostgresSagaStore,
  translatePostgresError,
} from 'potter-runtime/postgres';
import { PrometheusMeter } from 'potter-runtime/prometheus';
import { createSagaEngine } from 'potter-runtime/sagas';
import { orderSaga } from './application/order-saga.ts';
import { PostgresCustoms } from './infrastructure/postgres-customs.ts';
import { PostgresOrders } from './infrastructure/postgres-orders.ts';
import { PostgresShipping } from './infrastructure/postgres-shipping.ts';
import { PostgresVerification } from './infrastructure/postgres-verification.ts';
import { PostgresVipBenefits } from './infrastructure/postgres-vip-benefits.ts';
import { effectsRoute } from './interfaces/effects-route.ts';
import { orderRoutes } from './interfaces/order-routes.ts';

// The only place where the parts meet.
const env = environment({ DATABASE_URL: postgresUrl(), NODE_ENV: text({ default: 'development' }) });
const name = 'saga-conditional';
const logger = createLogger({ name, level: env.LOG_LEVEL });
const meter = new PrometheusMeter();

const pool = createPool(env.DATABASE_URL, { applicationName: name, maxConnections: 20, logger });
const orders = new PostgresOrders(pool);
const fulfilment = orderSaga({
  verification: new PostgresVerification(pool),
  vipBenefits: new PostgresVipBenefits(pool),
  customs: new PostgresCustoms(pool),
  carriers: {
    express: new PostgresShipping(pool, 'express'),
    standard: new PostgresShipping(pool, 'standard'),
  },
  orders,
});
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
    { name: 'database pool', close: () => pool.close() },
  ],
});
orderRoutes(service, { pool, orders, sagas, orderSaga: fulfilment });
sagaRoutes(service, sagas);
if (env.NODE_ENV !== 'production') effectsRoute(service, pool);

await service.run({ port: env.PORT, host: env.HOST });
// Asked to stop by now, it begins nothing: nobody would give it back.
if (!service.stopping.aborted) await sagas.run();
