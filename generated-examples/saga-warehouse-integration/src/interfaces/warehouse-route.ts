import { Rejection } from 'potter-runtime/errors';
import type { HttpService } from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import { Type } from 'typebox';
import type { Warehouses } from '../application/warehouse.ts';

/** A look onto the shelves. */
export function warehouseRoute(
  { app }: HttpService<PostgresTransaction>,
  warehouses: Warehouses,
): void {
  app.get(
    '/api/v1/warehouses/:warehouseId/stock/:sku',
    {
      schema: {
        summary: 'What there is of something in a warehouse',
        params: Type.Object({
          warehouseId: Type.String({ minLength: 1, maxLength: 40 }),
          sku: Type.String({ minLength: 1, maxLength: 100 }),
        }),
        response: { 200: Type.Object({ onHand: Type.Integer(), reserved: Type.Integer() }) },
      },
    },
    ({ params: { warehouseId, sku } }) => {
      const warehouse = warehouses.get(warehouseId);
      if (warehouse !== undefined) return warehouse.stock(sku);
      throw new Rejection('WAREHOUSE_NOT_FOUND', `There is no warehouse ${warehouseId}.`, {
        kind: 'not-found',
      });
    },
  );
}
