import type { HttpService } from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import type { SagaEngine } from 'potter-runtime/sagas';
import type { DemoSagas } from '../application/demo-sagas.ts';
import { acceptedSaga, newSaga } from './start-schemas.ts';

const SAGAS = '/api/v1/sagas';

/** Starts a saga. */
export function startRoute(
  { app, command }: HttpService<PostgresTransaction>,
  sagas: Pick<SagaEngine<PostgresTransaction>, 'start'>,
  definitions: DemoSagas,
): void {
  app.post(
    SAGAS,
    {
      schema: {
        tags: ['sagas'],
        summary: 'Start a saga',
        description: 'Accepted when it is stored; it goes on by itself.',
        body: newSaga,
        response: { 202: acceptedSaga },
      },
    },
    command(async ({ request, reply, write }) => {
      const {
        definition,
        correlationId = write.metadata.correlationId,
        context = {},
      } = request.body;
      // With an idempotency key the saga and the remembered answer are one transaction.
      const { transaction } = write;
      const { sagaId, status } = await sagas.start(definitions[definition], context, {
        correlationId,
        ...(transaction !== undefined && { transaction }),
      });
      reply.code(202).header('location', `${SAGAS}/${sagaId}`);
      return { sagaId, definition, status };
    }),
  );
}
