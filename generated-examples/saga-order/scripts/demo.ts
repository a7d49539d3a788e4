import type { Api } from './api.ts';
import { tellSaga } from './saga-story.ts';
import { chapter, money, play, say } from './story.ts';

interface Stock {
  readonly available: number;
  readonly reserved: number;
}

await play(async (api) => {
  await order(api, 'An order that goes well', 'completed', {});
  await order(api, 'The payment provider stumbles twice, and is tried again', 'completed', {
    paymentToken: 'flaky',
  });
  await order(api, 'The payment is declined: the pieces go back', 'compensated', {
    paymentToken: 'declined',
  });
  await order(api, 'No carrier goes there: the money goes back too', 'compensated', {
    shippingCountry: 'AQ',
  });
});

/** Places an order, waits until its saga is over, and tells what happened. */
async function order(api: Api, title: string, end: string, changes: object): Promise<void> {
  chapter(title);
  const before = await stock(api);
  const items = [{ productId: 'product-1', quantity: 2, priceCents: 1_999 }];
  const { status, body } = await api.post<{ sagaId: string; orderId: string }>('/api/v1/orders', {
    customerId: 'customer-1',
    items,
    ...changes,
  });
  say(`2 × product-1 for ${money(2 * 1_999)}`, `${status} accepted`);

  await tellSaga(api, body.sagaId, end);
  const placed = (await api.get<{ status: string }>(`/api/v1/orders/${body.orderId}`)).body;
  const after = await stock(api);
  say(
    `saga ${end}, order ${placed.status}`,
    `product-1: ${before.available} → ${after.available} available`,
  );
}

async function stock(api: Api): Promise<Stock> {
  return (await api.get<Stock>('/api/v1/inventory/product-1')).body;
}
