import type { Api } from './api.ts';
import { tellSaga } from './saga-story.ts';
import { chapter, play, say } from './story.ts';

interface Transaction {
  readonly transactionId: string;
  readonly decision: string | null;
  readonly participants: readonly { readonly warehouseId: string; readonly state: string }[];
}

const WAREHOUSES = ['east', 'west', 'north'];

await play(async (api) => {
  await order(api, 'Two pieces out of each of three warehouses', 'completed', {});
  await order(
    api,
    'The one over HTTP has not enough: the two databases keep theirs',
    'compensated',
    {
      lines: [...lines(1, 'east', 'west'), ...lines(1_000, 'north')],
    },
  );
  await order(
    api,
    'The payment is declined: all three give back what they reserved',
    'compensated',
    {
      paymentToken: 'declined',
    },
  );
  await order(api, 'The payment provider stumbles twice, and is tried again', 'completed', {
    paymentToken: 'flaky',
  });
  chapter('Nothing hangs');
  const inDoubt = await api.get<{ transactions: readonly Transaction[] }>(
    '/api/v1/transactions?state=in-doubt',
  );
  say('transactions in doubt', String(inDoubt.body.transactions.length));
});

/** Places an order, waits until its saga is over, and tells what happened in the warehouses. */
async function order(api: Api, title: string, end: string, changes: object): Promise<void> {
  chapter(title);
  const before = await shelves(api);
  const { status, body } = await api.post<{ sagaId: string }>('/api/v1/warehouse-orders', {
    customerId: 'customer-1',
    lines: lines(2, ...WAREHOUSES),
    ...changes,
  });
  say('order', `${status} accepted`);
  await tellSaga(api, body.sagaId, end);
  const { decision, participants } = (
    await api.get<Transaction>(`/api/v1/transactions/${body.sagaId}:reserve-warehouses`)
  ).body;
  const states = participants.map(({ warehouseId, state }) => `${warehouseId} ${state}`);
  say(`transaction: ${decision}`, states.join(', '));
  say(`saga ${end}, reserved in ${WAREHOUSES.join(', ')}`, `${before} → ${await shelves(api)}`);
}

function lines(quantity: number, ...warehouseIds: readonly string[]): readonly object[] {
  return warehouseIds.map((warehouseId) => ({ warehouseId, sku: 'sku-1', quantity }));
}

async function shelves(api: Api): Promise<string> {
  const stocks = WAREHOUSES.map((id) =>
    api.get<{ reserved: number }>(`/api/v1/warehouses/${id}/stock/sku-1`),
  );
  return (await Promise.all(stocks)).map(({ body }) => body.reserved).join('/');
}
