import type { HttpService } from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import { Type } from 'typebox';
import type { Effect } from '../infrastructure/effects.ts';

/** The effects of a saga that one service has. */
export type EffectSource = (sagaId: string) => Promise<readonly Effect[]>;

/** What the participants really did for a saga, each asked for its own. For tests and the curious: not in production. */
export function effectsRoute(
  { app }: HttpService<PostgresTransaction>,
  sources: readonly EffectSource[],
): void {
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
      const effects = await Promise.all(sources.map((source) => source(query.sagaId)));
      return effects
        .flat()
        .sort((one, other) => one.at.getTime() - other.at.getTime())
        .map((effect) => ({ ...effect, at: effect.at.toISOString() }));
    },
  );
}
