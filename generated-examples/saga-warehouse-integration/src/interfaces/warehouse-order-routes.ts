import type { HttpService } from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import type { SagaDefinition, SagaEngine } from 'potter-runtime/sagas';
import { Type } from 'typebox';
import type { WarehouseOrder } from '../domain/warehouse-order.ts';

const newOrder = Type.Object({
  customerId: Type.String({ minLength: 1, maxLength: 100, examples: ['customer-1'] }),
  lines: Type.Array(
    Type.Object({
      warehouseId: Type.String({ minLength: 1, maxLength: 40, examples: ['east'] }),
      sku: Type.String({ minLength: 1, maxLength: 100, examples: ['sku-1'] }),
      quantity: Type.Integer({ minimum: 1, maximum: 10_000, examples: [2] }),
    }),
    { minItems: 1, maxItems: 100 },
  ),
  paymentToken: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description:
        '`declined` is declined, `flaky` fails twice and then succeeds, `slow` takes 20 s.',
    }),
  ),
});

const accepted = Type.Object({
  sagaId: Type.String({ format: 'uuid' }),
  status: Type.String({ description: 'Of the saga; follow it at the Location.' }),
});

/** What placing an order needs. */
export interface WarehouseOrderServices {
  readonly sagas: SagaEngine<PostgresTransaction>;
  readonly orderSaga: SagaDefinition<WarehouseOrder, PostgresTransaction>;
}

/** Orders over HTTP. An order is its saga: `/api/v1/sagas/{id}` tells what becomes of it. */
export function warehouseOrderRoutes(
  { app, command }: HttpService<PostgresTransaction>,
  { sagas, orderSaga }: WarehouseOrderServices,
): void {
  app.post(
    '/api/v1/warehouse-orders',
    {
      schema: {
        summary: 'Place an order',
        description: 'Accepted when its saga is stored, which goes on by itself.',
        body: newOrder,
        response: { 202: accepted },
      },
    },
    command(async ({ request, reply, write }) => {
      const { correlationId } = write.metadata;
      const { sagaId, status } = await sagas.start(
        orderSaga,
        { paymentToken: 'valid', ...request.body },
        // With an idempotency key, saga and remembered answer are one commit.
        { correlationId, ...(write.transaction && { transaction: write.transaction }) },
      );
      reply.code(202).header('location', `/api/v1/sagas/${sagaId}`);
      return { sagaId, status };
    }),
  );
}
