import { repository } from 'potter-runtime/aggregates';
import { createHttpService, createLogger, environment, postgresUrl } from 'potter-runtime/http';
import { projectMigrator } from 'potter-runtime/migrations';
import {
  createPool,
  databaseReadiness,
  PostgresEventStore,
  PostgresIdempotencyStore,
  PostgresSnapshotStore,
  translatePostgresError,
} from 'potter-runtime/postgres';
import { PrometheusMeter } from 'potter-runtime/prometheus';
import { everyEvents } from 'potter-runtime/snapshots';
import type { Accounts } from './application/accounts.ts';
import { bankAccount } from './domain/bank-account.ts';
import { accountRoutes } from './interfaces/account-routes.ts';
import { transferRoutes } from './interfaces/transfer-routes.ts';

// The only place where the parts meet.
const env = environment({ DATABASE_URL: postgresUrl() });
const name = 'eventsourcing-basic';
const logger = createLogger({ name, level: env.LOG_LEVEL });
const meter = new PrometheusMeter();

const pool = createPool(env.DATABASE_URL, { applicationName: name, logger });
const eventStore = new PostgresEventStore({ pool, logger, meter });
const accounts: Accounts = repository(bankAccount, {
  eventStore,
  snapshots: { store: new PostgresSnapshotStore({ pool }), strategy: everyEvents(100) },
  logger,
  meter,
});

const service = await createHttpService({
  name,
  version: '0.1.0',
  logger,
  metrics: meter,
  readiness: databaseReadiness(pool, await projectMigrator({ databaseUrl: env.DATABASE_URL })),
  idempotency: new PostgresIdempotencyStore({ pool }),
  translateError: translatePostgresError,
  shutdownTimeout: env.SHUTDOWN_TIMEOUT,
  // In this order, once the last request is answered.
  resources: [
    { name: 'snapshots', close: () => accounts.close() },
    { name: 'event store', close: () => eventStore.close() },
    { name: 'database pool', close: () => pool.close() },
  ],
});
accountRoutes(service, { accounts, eventStore });
transferRoutes(service, { pool, accounts });

await service.run({ port: env.PORT, host: env.HOST });
