import {
  createHttpService,
  createLogger,
  environment,
  optional,
  postgresUrl,
  sagaRoutes,
  text,
  url,
} from 'potter-runtime/http';
import { projectMigrator } from 'potter-runtime/migrations';
import {
  createPool,
  databaseReadiness,
  PostgresIdempotencyStore,
  PostgresSagaStore,
  PostgresTwoPhaseLog,
  translatePostgresError,
} from 'potter-runtime/postgres';
import { PrometheusMeter } from 'potter-runtime/prometheus';
import { createSagaEngine, TwoPhaseCoordinator } from 'potter-runtime/sagas';
import { warehouseOrderSaga } from './application/warehouse-order-saga.ts';
import type { Warehouse, Warehouses } from './application/warehouse.ts';
import { effectsOf } from './infrastructure/effects.ts';
import { HttpWarehouse } from './infrastructure/http-warehouse.ts';
import { startNorth } from './infrastructure/north-service.ts';
import { PostgresPayments } from './infrastructure/postgres-payments.ts';
import { PostgresWarehouse } from './infrastructure/postgres-warehouse.ts';
import { besideOrders, WarehouseDatabases } from './infrastructure/warehouse-databases.ts';
import { effectsRoute } from './interfaces/effects-route.ts';
import { transactionRoutes } from './interfaces/transaction-routes.ts';
import { warehouseOrderRoutes } from './interfaces/warehouse-order-routes.ts';
import { warehouseRoute } from './interfaces/warehouse-route.ts';

// The only place where the parts meet.
const env = environment({
  DATABASE_URL: postgresUrl(),
  EAST_DATABASE_URL: optional(postgresUrl()),
  WEST_DATABASE_URL: optional(postgresUrl()),
  NORTH_DATABASE_URL: optional(postgresUrl()),
  NORTH_URL: optional(url(['http', 'https'])),
  NODE_ENV: text({ default: 'development' }),
});
const name = 'saga-warehouse-integration';
const logger = createLogger({ name, level: env.LOG_LEVEL });
const meter = new PrometheusMeter();
const pool = createPool(env.DATABASE_URL, { applicationName: name, maxConnections: 16, logger });

// Three warehouses: two databases, and a service that has one of its own.
const databaseOf = (id: string, given: string | undefined) => {
  const address = given ?? besideOrders(env.DATABASE_URL, id);
  const options = { applicationName: `${name} ${id}`, maxConnections: 8, logger };
  const [forWork, forTransactions] = [createPool(address, options), createPool(address, options)];
  return { id, url: address, pool: forWork, transactions: forTransactions };
};
const east = databaseOf('east', env.EAST_DATABASE_URL);
const west = databaseOf('west', env.WEST_DATABASE_URL);
const north = env.NORTH_URL === undefined ? databaseOf('north', env.NORTH_DATABASE_URL) : undefined;
const northService = north && (await startNorth(north.pool));
const httpNorth = new HttpWarehouse('north', env.NORTH_URL ?? northService?.url ?? '');
const warehouses: Warehouses = new Map<string, Warehouse>([
  ['east', new PostgresWarehouse('east', east.pool, east.transactions)],
  ['west', new PostgresWarehouse('west', west.pool, west.transactions)],
  ['north', httpNorth],
]);
const own = [east, west, ...(north === undefined ? [] : [north])];
const databases = new WarehouseDatabases(pool, own, logger);

const coordinator = new TwoPhaseCoordinator({
  log: new PostgresTwoPhaseLog({ pool }),
  participants: [...warehouses.values()].map(({ participant }) => participant),
  logger,
  meter,
});
const payments = new PostgresPayments(pool);
const orderSaga = warehouseOrderSaga({ coordinator, warehouses, payments });
const sagaStore = new PostgresSagaStore({ pool, logger });
const sagas = createSagaEngine({ store: sagaStore, definitions: [orderSaga], logger, meter });

const service = await createHttpService({
  name,
  version: '0.1.0',
  logger,
  metrics: meter,
  readiness: [
    ...databaseReadiness(pool, await projectMigrator({ databaseUrl: env.DATABASE_URL })),
    databases.readiness,
  ],
  idempotency: new PostgresIdempotencyStore({ pool }),
  translateError: translatePostgresError,
  shutdownTimeout: env.SHUTDOWN_TIMEOUT,
  // In this order, once the last request is answered: running sagas are handed back before the databases go.
  resources: [
    { name: 'sagas', close: (withinMs) => sagas.stop({ timeout: withinMs }) },
    { name: 'coordinator', close: () => coordinator.close() },
    { name: 'saga store', close: () => sagaStore.close() },
    { name: 'north', close: () => northService?.close() ?? Promise.resolve() },
    ...own.flatMap(({ id, pool: forWork, transactions }) => [
      { name: `database of ${id}`, close: () => forWork.close() },
      { name: `transactions of ${id}`, close: () => transactions.close() },
    ]),
    { name: 'database pool', close: () => pool.close() },
  ],
});
warehouseOrderRoutes(service, { sagas, orderSaga });
sagaRoutes(service, sagas);
transactionRoutes(service, coordinator);
warehouseRoute(service, warehouses);
if (env.NODE_ENV !== 'production') {
  effectsRoute(service, [
    ...[pool, east.pool, west.pool].map((each) => (sagaId: string) => effectsOf(each, sagaId)),
    (sagaId) => httpNorth.effects(sagaId),
  ]);
}

await service.run({ port: env.PORT, host: env.HOST });
if (await databases.setUp(service.stopping)) {
  // What the last process left in doubt is resolved while its sagas go on.
  await Promise.all([coordinator.start(), sagas.run()]);
}
