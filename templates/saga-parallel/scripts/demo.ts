import type { Api } from './api.ts';
import { historyOf, tellSaga } from './saga-story.ts';
import { chapter, money, play, say } from './story.ts';

/** Of a bar, in characters. */
const WIDTH = 40;

await play(async (api) => {
  await order(api, 'All three agree', 'completed', {});
  await order(api, 'Two of the three are slow: they are waited for together', 'completed', {
    customerId: 'customer-slow',
    shippingCountry: 'US',
  });
  await order(api, 'One says no at once: the slow ones are stopped', 'compensated', {
    customerId: 'customer-slow',
    shippingCountry: 'US',
    items: [{ productId: 'product-3', quantity: 1, priceCents: 1_999 }],
  });
  await order(api, 'One says no when the others have agreed: they are undone', 'compensated', {
    customerId: 'customer-slow',
    items: [{ productId: 'product-1', quantity: 1, priceCents: 10_000_001 }],
  });
});

/** Places an order, waits until its saga is over, and tells what happened, and when. */
async function order(api: Api, title: string, end: string, changes: object): Promise<void> {
  chapter(title);
  const { status, body } = await api.post<{ sagaId: string; orderId: string }>('/api/v1/orders', {
    customerId: 'customer-1',
    items: [{ productId: 'product-1', quantity: 2, priceCents: 1_999 }],
    ...changes,
  });
  say('order', `${status} accepted`);
  await tellSaga(api, body.sagaId, end);
  await drawTimes(api, body.sagaId);
  const placed = await api.get<{
    status: string;
    fulfilment: { totalCents: number; deliveryCents: number } | null;
  }>(`/api/v1/orders/${body.orderId}`);
  const { fulfilment } = placed.body;
  say(
    `saga ${end}, order ${placed.body.status}`,
    fulfilment === null
      ? ''
      : `${money(fulfilment.totalCents)} and ${money(fulfilment.deliveryCents)} for delivery`,
  );
}

/** One bar a branch: from when to when it ran. */
async function drawTimes(api: Api, sagaId: string): Promise<void> {
  const branches = (await historyOf(api, sagaId)).filter(({ step, kind }) => {
    return (
      kind === 'step' && ['check-credit', 'reserve-inventory', 'quote-delivery'].includes(step)
    );
  });
  const spans = branches.map(({ step, startedAt, finishedAt }) => ({
    step,
    from: Date.parse(startedAt),
    to: Date.parse(finishedAt ?? startedAt),
  }));
  const first = Math.min(...spans.map(({ from }) => from));
  const whole = Math.max(1, ...spans.map(({ to }) => to - first));
  for (const { step, from, to } of spans) {
    const [left, right] = [from, to].map((at) => Math.round(((at - first) / whole) * WIDTH));
    const bar = `${' '.repeat(left ?? 0)}${'█'.repeat(Math.max(1, (right ?? 0) - (left ?? 0)))}`;
    console.log(`  ${step.padEnd(18)}|${bar.padEnd(WIDTH + 1)}| ${to - from} ms`);
  }
}
