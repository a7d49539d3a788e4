import type { Clock } from 'potter-runtime/foundation';
import {
  type InMemoryTransaction,
  InMemoryTwoPhaseLog,
  type SagaDefinition,
  TwoPhaseCoordinator,
} from 'potter-runtime/sagas';
import { FakeTwoPhaseParticipant, type LedgerClient } from 'potter-runtime/testing';
import type { Warehouses } from '../../src/application/warehouse.ts';
import { warehouseOrderSaga } from '../../src/application/warehouse-order-saga.ts';
import { WAREHOUSES, type WarehouseOrder } from '../../src/domain/warehouse-order.ts';

/** What outlives the processes of a run: the coordinator's log, and the warehouses. */
export class World {
  readonly log: InMemoryTwoPhaseLog;
  readonly participants: readonly FakeTwoPhaseParticipant[];
  readonly released = new Set<string>();
  readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
    this.log = new InMemoryTwoPhaseLog({ clock });
    this.participants = WAREHOUSES.map((name) => new FakeTwoPhaseParticipant(name, { clock }));
  }

  saga(ledger: LedgerClient): SagaDefinition<WarehouseOrder, InMemoryTransaction> {
    const { clock, log, participants, released } = this;
    const coordinator = new TwoPhaseCoordinator({ log, participants, clock, random: () => 0.5 });
    const warehouses: Warehouses = new Map(
      participants.map((participant) => [
        participant.name,
        {
          participant,
          release: async () => void released.add(participant.name),
          stock: async () => ({ onHand: 50, reserved: 0 }),
        },
      ]),
    );
    return warehouseOrderSaga<InMemoryTransaction>({
      coordinator,
      warehouses,
      payments: {
        charge: ({ key }) => ledger.apply(key, () => ({ paymentId: 'payment-1' })),
        refund: ({ key }) => ledger.apply(key),
      },
    });
  }
}
