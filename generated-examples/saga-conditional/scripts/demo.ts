import type { Api } from './api.ts';
import { tellSaga } from './saga-story.ts';
import { chapter, money, play, say } from './story.ts';

interface Order {
  readonly status: string;
  readonly fulfilment: { readonly carrier: string; readonly payableCents: number } | null;
}

await play(async (api) => {
  await order(api, 'A small order that stays at home', 'completed', { amountCents: 1_999 });
  await order(api, 'A large one of a VIP, abroad, by express', 'completed', {
    customerType: 'vip',
    amountCents: 150_000,
    shippingCountry: 'CH',
    express: true,
  });
  await order(api, 'No carrier goes there: what was skipped is not undone', 'compensated', {
    customerType: 'vip',
    amountCents: 1_999,
    shippingCountry: 'AQ',
  });
  await order(api, 'Worth too much for the express carrier', 'compensated', {
    amountCents: 600_000,
    express: true,
  });
});

/** Places an order, waits until its saga is over, and tells what happened. */
async function order(
  api: Api,
  title: string,
  end: string,
  changes: { readonly amountCents: number } & Readonly<Record<string, unknown>>,
): Promise<void> {
  chapter(title);
  const { status, body } = await api.post<{ sagaId: string; orderId: string }>('/api/v1/orders', {
    customerId: 'customer-1',
    customerType: 'regular',
    homeCountry: 'DE',
    ...changes,
  });
  say(`an order for ${money(changes.amountCents)}`, `${status} accepted`);
  await tellSaga(api, body.sagaId, end);
  const { body: placed } = await api.get<Order>(`/api/v1/orders/${body.orderId}`);
  say(
    `saga ${end}, order ${placed.status}`,
    placed.fulfilment === null
      ? ''
      : `${placed.fulfilment.carrier}, ${money(placed.fulfilment.payableCents)} to pay`,
  );
}
