import { exponentialBackoff, simpleRetry } from 'potter-runtime/foundation';
import { branch, saga, type SagaDefinition, type TwoPhaseExecutor } from 'potter-runtime/sagas';
import { validate, type WarehouseOrder } from '../domain/warehouse-order.ts';
import type { Payments } from './payments.ts';
import type { Warehouse, Warehouses } from './warehouse.ts';

/** Who does the work. */
export interface WarehouseOrderServices {
  /** Decides for all warehouses of an order. */
  readonly coordinator: TwoPhaseExecutor;
  readonly warehouses: Warehouses;
  readonly payments: Payments;
}

/**
 * Reserves in every warehouse of an order or in none, then takes the money. When the payment fails, each warehouse gives back
 * what it reserved.
 */
export function warehouseOrderSaga<Tx>({
  coordinator,
  warehouses,
  payments,
}: WarehouseOrderServices): SagaDefinition<WarehouseOrder, Tx> {
  const warehouse = (id: string): Warehouse => {
    const found = warehouses.get(id);
    if (found === undefined) throw new Error(`Nobody knows how to reach the warehouse ${id}.`);
    return found;
  };
  return saga<WarehouseOrder, Tx>('warehouse-order')
    .step('validate-order', { execute: ({ input }) => validate(input) })
    .twoPhaseCommit('reserve-warehouses', {
      coordinator,
      branches: ({ sagaId, key, results }) =>
        Object.entries(results['validate-order'].pieces).map(([id, pieces]) =>
          branch(warehouse(id).participant, { sagaId, key, pieces }),
        ),
      // Called only when they did reserve: what is undecided was aborted by then, what was decided carried out.
      compensate: async (call) => {
        const ids = Object.keys(call.results['validate-order'].pieces);
        await Promise.all(ids.map((id) => warehouse(id).release(call)));
      },
      // A warehouse that cannot be reached fails the attempt; nothing is reserved anywhere then, and it is tried again.
      retry: exponentialBackoff({
        maxAttempts: Number.POSITIVE_INFINITY,
        initialDelay: '1s',
        maxDelay: '10s',
        maxElapsed: '5m',
      }),
    })
    .step('process-payment', {
      execute: (call) =>
        payments.charge(call, {
          customerId: call.input.customerId,
          amountCents: call.results['validate-order'].totalCents,
          token: call.input.paymentToken,
        }),
      compensate: (call) => payments.refund(call),
      retry: simpleRetry({ maxAttempts: 3, delay: '200ms' }),
    })
    .build();
}
