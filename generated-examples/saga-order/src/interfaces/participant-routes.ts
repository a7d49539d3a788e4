import type { HttpService } from 'potter-runtime/http';
import type { PostgresPool, PostgresTransaction } from 'potter-runtime/postgres';
import { Type } from 'typebox';
import { effectsOf } from '../infrastructure/effects.ts';
import type { PostgresInventory } from '../infrastructure/postgres-inventory.ts';

/** A look into the services that take part: what is in stock. */
export function inventoryRoutes(
  { app }: HttpService<PostgresTransaction>,
  inventory: Pick<PostgresInventory, 'stock'>,
): void {
  app.get(
    '/api/v1/inventory/:productId',
    {
      schema: {
        summary: 'What there is of a product',
        params: Type.Object({ productId: Type.String({ minLength: 1, maxLength: 100 }) }),
        response: {
          200: Type.Object({
            productId: Type.String(),
            available: Type.Integer(),
            reserved: Type.Integer(),
          }),
        },
      },
    },
    ({ params }) => inventory.stock(params.productId),
  );
}

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
