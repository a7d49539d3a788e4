import {
  createHttpService,
  createLogger,
  environment,
  postgresUrl,
  projectionRoutes,
  sagaQueryRoutes,
  sagaRoutes,
  text,
} from 'potter-runtime/http';
import { projectMigrator } from 'potter-runtime/migrations';
import {
  createPool,
  databaseReadiness,
  PostgresIdempotencyStore,
  PostgresProjectionStore,
  PostgresSagaFeed,
  PostgresSagaQueries,
  PostgresSagaStore,
  sagaReadModel,
  translatePostgresError,
} from 'potter-runtime/postgres';
import { createProjectionRunner, project } from 'potter-runtime/projections';
import { PrometheusMeter } from 'potter-runtime/prometheus';
import { createSagaEngine } from 'potter-runtime/sagas';
import { demoSagas } from './application/demo-sagas.ts';
import { PostgresTasks } from './infrastructure/postgres-tasks.ts';
import { effectsRoute } from './interfaces/effects-route.ts';
import { startRoute } from './interfaces/start-route.ts';

// The only place where the parts meet.
const env = environment({ DATABASE_URL: postgresUrl(), NODE_ENV: text({ default: 'development' }) });
const name = 'saga-query-handler';
const logger = createLogger({ name, level: env.LOG_LEVEL });
const meter = new PrometheusMeter();

// What writes: sagas, and the journal that they leave.
const pool = createPool(env.DATABASE_URL, { applicationName: name, maxConnections: 20, logger });
const definitions = demoSagas(new PostgresTasks(pool));
const sagaStore = new PostgresSagaStore({ pool, logger });
const sagas = createSagaEngine({
  store: sagaStore,
  definitions: Object.values(definitions),
  logger,
  meter,
});

// What reads: the journal becomes rows, and the rows answer questions.
const feed = new PostgresSagaFeed({ pool, logger });
const projections = createProjectionRunner({
  store: new PostgresProjectionStore({ pool, logger }),
  projections: [project(feed, sagaReadModel({ journals: sagaStore }))],
  logger,
  meter,
});
const queries = new PostgresSagaQueries({ pool, store: sagaStore });

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
    { name: 'projections', close: () => projections.stop() },
    { name: 'saga store', close: () => sagaStore.close() },
    { name: 'database pool', close: () => pool.close() },
  ],
});
startRoute(service, sagas, definitions);
sagaQueryRoutes(service, queries);
sagaRoutes(service, sagas, { views: queries });
projectionRoutes(service, projections);
if (env.NODE_ENV !== 'production') effectsRoute(service, pool);

await service.run({ port: env.PORT, host: env.HOST });
// Asked to stop by now, it begins nothing: nobody would give it back.
if (!service.stopping.aborted) await Promise.all([sagas.run(), projections.run()]);
