import { saga, type SagaDefinition, type StepOptions } from 'potter-runtime/sagas';
import {
  type Carrier,
  crossesBorder,
  isLarge,
  isVip,
  ORDER_RULES,
  type OrderDetails,
  type OrderRules,
  validate,
  vipDiscountOf,
} from '../domain/order.ts';
import type { Customs } from './customs.ts';
import type { Orders } from './orders.ts';
import type { Shipment, Shipping } from './shipping.ts';
import type { Verification } from './verification.ts';
import type { VipBenefits } from './vip-benefits.ts';

/** What the saga is started with. */
export interface OrderToFulfil extends OrderDetails {
  readonly orderId: string;
}

/** Who does the work. `Tx` is the transaction of the database that holds sagas and orders. */
export interface OrderServices<Tx> {
  readonly verification: Verification;
  readonly vipBenefits: VipBenefits;
  readonly customs: Customs;
  readonly carriers: Readonly<Record<Carrier, Shipping>>;
  readonly orders: Pick<Orders<Tx>, 'complete' | 'cancel'>;
}

/**
 * Fulfils an order, by the steps that it needs. Each condition is asked once, when its turn comes; the answer is in the journal
 * before anything follows from it. A step that was passed over is not undone.
 */
export function orderSaga<Tx>(
  { verification, vipBenefits, customs, carriers, orders }: OrderServices<Tx>,
  rules: OrderRules = ORDER_RULES,
): SagaDefinition<OrderToFulfil, Tx> {
  return saga<OrderToFulfil, Tx>('conditional-order-saga')
    .alreadyDone('place-order', {
      // Whoever starts the saga has placed the order in the same transaction; the last undo cancels it.
      compensate: ({ tx, input, cause }) => orders.cancel(tx, input.orderId, cause.code),
    })
    .step('validate-order', { execute: ({ input }) => validate(input) })
    .when(
      'is-large',
      ({ input }) => isLarge(input, rules),
      (large) =>
        large.step('verify-large-order', {
          execute: (call) => verification.verify(call, call.input),
          compensate: (call) => verification.withdraw(call),
        }),
      { skipped: `The order is not over ${rules.largeOrderCents} cents.` },
    )
    .when(
      'is-vip',
      ({ input }) => isVip(input),
      (vip) =>
        vip.step('apply-vip-benefits', {
          execute: (call) => {
            const discountCents = vipDiscountOf(call.input);
            return vipBenefits.grant(call, { customerId: call.input.customerId, discountCents });
          },
          compensate: (call) => vipBenefits.revoke(call),
        }),
      { skipped: 'The customer is no VIP.' },
    )
    .when(
      'crosses-border',
      ({ input }) => crossesBorder(input),
      (abroad) =>
        abroad.step('customs-check', {
          execute: (call) => {
            const { homeCountry: from, shippingCountry: to, amountCents: valueCents } = call.input;
            return customs.declare(call, { from, to, valueCents });
          },
          compensate: (call) => customs.withdraw(call),
        }),
      { skipped: 'The order stays in its home country.' },
    )
    .choose(
      'carrier',
      (carrier) =>
        carrier
          .when(
            'express',
            ({ input }) => input.express,
            (express) => express.step('express-shipping', shipWith(carriers.express)),
          )
          .otherwise((standard) => standard.step('standard-shipping', shipWith(carriers.standard))),
      { skipped: 'The order goes with the other carrier.' },
    )
    .transactionalStep('complete-order', {
      // The order is in the saga's own database: its new state and the end of the saga are one commit.
      execute: async ({ tx, input, results }) => {
        const { discountCents } = results['apply-vip-benefits'] ?? { discountCents: 0 };
        const { carrier, trackingNumber } =
          results['express-shipping'] ?? results['standard-shipping'] ?? notShipped();
        const payableCents = input.amountCents - discountCents;
        const fulfilment = { carrier, trackingNumber, discountCents, payableCents };
        await orders.complete(tx, input.orderId, fulfilment);
      },
    })
    .build();
}

/** The step is the same for both carriers. */
function shipWith(shipping: Shipping): StepOptions<OrderToFulfil, unknown, Shipment, 'attempted'> {
  return {
    execute: (call) => {
      const { shippingCountry: country, amountCents: valueCents } = call.input;
      return shipping.ship(call, { country, valueCents });
    },
    compensate: (call) => shipping.cancel(call),
  };
}

/** One of the two ways is always taken, which types cannot know. */
function notShipped(): never {
  throw new Error('The order goes with neither carrier.');
}
