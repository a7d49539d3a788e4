import { Type } from 'typebox';
import { createHttpService } from '../../../runtime/src/http/http-service.ts';
import { environment } from '../../../runtime/src/http/environment/environment.ts';
import { postgresUrl } from '../../../runtime/src/http/environment/variable.ts';
import { createLogger } from '../../../runtime/src/http/logging/create-logger.ts';
import { createPool } from '../../../runtime/src/postgres/connection/pool.ts';
import { translatePostgresError } from '../../../runtime/src/postgres/connection/errors.ts';
import { databaseReadiness } from '../../../runtime/src/postgres/connection/readiness.ts';
import { PostgresIdempotencyStore } from '../../../runtime/src/postgres/idempotency/idempotency-store.ts';

/**
 * A service as a project would write it; started by service-process.postgres.test.ts. HANG: `sagas` are never handed over.
 * HOLD_MS: how long a request stands still in its transaction that does not say it itself.
 */
const env = environment({ DATABASE_URL: postgresUrl() });
const logger = createLogger({ name: 'program', level: env.LOG_LEVEL });
const pool = createPool(env.DATABASE_URL, { logger, connectTimeout: '30s' });
const closed: string[] = [];
const service = await createHttpService({
  name: 'program',
  version: '1.0.0',
  logger,
  readiness: databaseReadiness(pool, { pending: async () => [] }),
  idempotency: new PostgresIdempotencyStore({ pool }),
  translateError: translatePostgresError,
  shutdownTimeout: env.SHUTDOWN_TIMEOUT,
  resources: [
    {
      name: 'sagas',
      close: async () => {
        logger.info('sagas handed over');
        if (process.env['HANG'] === 'sagas') await new Promise(() => {});
        closed.push('sagas');
      },
    },
    {
      name: 'database pool',
      close: async () => {
        await pool.close();
        closed.push('pool');
        logger.info(`closed in order: ${closed.join(', ')}`);
      },
    },
  ],
});
const { app, command } = service;

app.post(
  '/effects/:name',
  {
    schema: {
      params: Type.Object({ name: Type.String() }),
      body: Type.Object({ holdMs: Type.Optional(Type.Integer({ minimum: 0 })) }),
      response: { 201: Type.Object({ no: Type.Integer() }) },
    },
  },
  command(async ({ request, reply, write }) => {
    const { rows } = await (write.transaction ?? pool).query<{ no: number }>({
      text: 'INSERT INTO effects (name) VALUES ($1) RETURNING no',
      values: [request.params.name],
    });
    const { holdMs = Number(process.env['HOLD_MS'] ?? 0) } = request.body;
    logger.info(`holding ${request.params.name}`);
    if (holdMs > 0) await new Promise((resolve) => setTimeout(resolve, holdMs));
    reply.code(201);
    return { no: rows[0]?.no ?? 0 };
  }),
);

app.get('/hang', async () => {
  logger.info('hanging');
  await new Promise(() => {});
});

app.post('/crash/:how', { schema: { params: Type.Object({ how: Type.String() }) } }, (request) => {
  if (request.params.how === 'throw') {
    setImmediate(() => {
      throw new Error('thrown');
    });
  } else {
    setImmediate(() => void Promise.reject(new Error('rejected')));
  }
  return Promise.resolve('');
});

await service.run({ port: env.PORT, host: env.HOST });
