import type { HttpService } from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import { Type } from 'typebox';
import type { PostgresInventory } from '../infrastructure/postgres-inventory.ts';

/** A look into the inventory service. */
export function inventoryRoute(
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
