import type { HttpService } from 'potter-runtime/http';
import type { PostgresPool, PostgresTransaction } from 'potter-runtime/postgres';
import { Type } from 'typebox';
import { effectsOf } from '../infrastructure/effects.ts';

/** What the participants really did for a saga. For tests and the curious: not in production. */
export function effectsRoute({ app }: HttpService<PostgresTransaction>, pool: PostgresPool): void {
  app.get(
    '/api/v1/effects',
    {
      schema: {
        summary: 'Every effect of a saga',
        querystring: Type.Object({ sagaId: Type.String({ minLength: 1, maxLength: 200 }) }),
        response: {
          200: Type.Array(
            Type.Object({
              service: Type.String(),
              operation: Type.String(),
              key: Type.String(),
              at: Type.String({ format: 'date-time' }),
            }),
          ),
        },
      },
    },
    async ({ query }) => {
      const effects = await effectsOf(pool, query.sagaId);
      return effects.map((effect) => ({ ...effect, at: effect.at.toISOString() }));
    },
  );
}
