import type { DeciderCommand, Repository } from 'potter-runtime/aggregates';
import type { Order, OrderEvent } from '../domain/order.ts';

/** Every order, by id. `Tx` is the transaction that a command can be part of. */
export type Orders<Tx> = Repository<Order, OrderEvent, DeciderCommand<Order, OrderEvent>, Tx>;
