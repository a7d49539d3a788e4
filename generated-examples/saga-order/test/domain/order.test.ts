import { given } from 'potter-runtime/testing';
import { describe, test } from 'vitest';
import {
  cancel,
  complete,
  order,
  type OrderDetails,
  type OrderEvent,
  place,
} from '../../src/domain/order.ts';

const details: OrderDetails = {
  customerId: 'customer-1',
  items: [{ productId: 'product-1', quantity: 2, priceCents: 1_000 }],
  totalCents: 2_000,
  shippingCountry: 'DE',
  sagaId: 'saga-1',
};
const fulfilment = { paymentId: 'payment-1', trackingNumber: 'TRK-1' };
const placed: OrderEvent = { type: 'OrderPlaced', data: details };
const completed: OrderEvent = { type: 'OrderCompleted', data: fulfilment };
const cancelled: OrderEvent = { type: 'OrderCancelled', data: { reason: 'PAYMENT_DECLINED' } };

test('an order is placed once', async () => {
  await given(order).when(place(details)).thenEvents(placed);
  await given(order, placed).when(place(details)).thenRejected('ORDER_EXISTS');
});

describe('an order ends in one of two ways', () => {
  test('complete, with the number to track it by', async () => {
    await given(order, placed).when(complete(fulfilment)).thenEvents(completed);
    await given(order, placed, completed).thenState({
      ...details,
      status: 'completed',
      trackingNumber: 'TRK-1',
    });
  });

  test('cancelled, with the reason', async () => {
    await given(order, placed).when(cancel('PAYMENT_DECLINED')).thenEvents(cancelled);
    await given(order, placed, cancelled).thenState({
      ...details,
      status: 'cancelled',
      cancelledBecause: 'PAYMENT_DECLINED',
    });
  });

  test('cancelled also when it was complete: its saga can be undone later', async () => {
    await given(order, placed, completed).when(cancel('PAYMENT_DECLINED')).thenEvents(cancelled);
  });

  test('but never complete once it is cancelled', async () => {
    await given(order, placed, cancelled)
      .when(complete(fulfilment))
      .thenRejected('ORDER_CANCELLED');
  });
});

test('asking twice changes nothing', async () => {
  await given(order, placed, completed).when(complete(fulfilment)).thenNothing();
  await given(order, placed, cancelled).when(cancel('PAYMENT_DECLINED')).thenNothing();
});

test('nothing works on an order that was never placed', async () => {
  await given(order).when(complete(fulfilment)).thenRejected('ORDER_NOT_FOUND');
  await given(order).when(cancel('SAGA_CANCELLED')).thenRejected('ORDER_NOT_FOUND');
});
