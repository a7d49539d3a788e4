import type { HttpService } from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import { Type } from 'typebox';
import type { Orders } from '../application/orders.ts';
import { placeOrder, type PlaceOrderServices } from '../application/place-order.ts';
import { acceptedOrder, orderParams } from './accepted-order.ts';
import { fulfilment, newOrder, orderDetails, toDetails } from './order-schemas.ts';

const ORDERS = '/api/v1/orders';

const orderView = Type.Object({
  orderId: Type.String(),
  sagaId: Type.String(),
  status: Type.Union([
    Type.Literal('placed'),
    Type.Literal('completed'),
    Type.Literal('cancelled'),
  ]),
  ...orderDetails.properties,
  fulfilment: Type.Union([fulfilment, Type.Null()]),
  cancelledBecause: Type.Union([
    Type.String({ description: 'The code of the error.' }),
    Type.Null(),
  ]),
});

/** Orders over HTTP: place one, look at it. */
export function orderRoutes(
  { app, command }: HttpService<PostgresTransaction>,
  services: PlaceOrderServices & { readonly orders: Pick<Orders<PostgresTransaction>, 'find'> },
): void {
  app.post(
    ORDERS,
    {
      schema: {
        summary: 'Place an order',
        description: 'Accepted when it is stored together with its saga, which goes on by itself.',
        body: newOrder,
        response: { 202: acceptedOrder },
      },
    },
    command(async ({ request, reply, write }) => {
      const accepted = await placeOrder(services, toDetails(request.body), write);
      reply.code(202).header('location', `/api/v1/sagas/${accepted.sagaId}`);
      return accepted;
    }),
  );

  app.get(
    `${ORDERS}/:orderId`,
    { schema: { summary: 'An order', params: orderParams, response: { 200: orderView } } },
    async ({ params }) => {
      const { details, ...order } = await services.orders.find(params.orderId);
      return { ...order, ...details };
    },
  );
}
