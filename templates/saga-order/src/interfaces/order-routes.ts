import type { EventStore } from 'potter-runtime/event-store';
import { etagOf, type HttpService, parsePosition } from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import { placeOrder, type PlaceOrderServices } from '../application/place-order.ts';
import { placed } from '../domain/order.ts';
import { acceptedOrder, orderParams } from './accepted-order.ts';
import { eventPage, eventPageQuery, toEventPage } from './event-page.ts';
import { newOrder, ORDER_DEFAULTS, orderView, toOrderView } from './order-schemas.ts';

const ORDERS = '/api/v1/orders';

/** Orders over HTTP: place one, look at it, read what happened to it. */
export function orderRoutes(
  { app, command }: HttpService<PostgresTransaction>,
  services: PlaceOrderServices & { readonly eventStore: EventStore<PostgresTransaction> },
): void {
  const { orders, eventStore } = services;

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
      const accepted = await placeOrder(services, { ...ORDER_DEFAULTS, ...request.body }, write);
      reply.code(202).header('location', `/api/v1/sagas/${accepted.sagaId}`);
      return accepted;
    }),
  );

  app.get(
    `${ORDERS}/:orderId`,
    { schema: { summary: 'An order', params: orderParams, response: { 200: orderView } } },
    async ({ params: { orderId } }, reply) => {
      const found = await orders.load(orderId);
      const view = toOrderView(orderId, found);
      reply.header('etag', etagOf(found.version));
      return view;
    },
  );

  app.get(
    `${ORDERS}/:orderId/events`,
    {
      schema: {
        summary: 'What happened to an order',
        params: orderParams,
        querystring: eventPageQuery,
        response: { 200: eventPage },
      },
    },
    async ({ params: { orderId }, query }) => {
      const from = (parsePosition(query.after) ?? 0n) + 1n;
      const read = eventStore.readStream(orders.streamOf(orderId), {
        from,
        limit: query.limit + 1,
      });
      const page = await toEventPage(read, query.limit);
      // An empty page is the end of a stream, or a stream that never was.
      if (page.events.length === 0) placed((await orders.load(orderId)).state);
      return page;
    },
  );
}
