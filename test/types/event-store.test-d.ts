import { expectTypeOf } from 'expect-type';
import { type EventStore, InMemoryEventStore } from 'potter-runtime/event-store';
import type {
  Event,
  EventOfType,
  EventTypeOf,
  NewEvent,
  RecordedEvent,
} from 'potter-runtime/events';
import {
  inTransaction,
  PostgresEventStore,
  type PostgresPool,
  type PostgresTransaction,
} from 'potter-runtime/postgres';

type Opened = Event<'Opened', { readonly owner: string }>;
type Deposited = Event<'Deposited', { readonly cents: number }>;
type AccountEvent = Opened | Deposited;

declare const pool: PostgresPool;
const memory = new InMemoryEventStore();
const postgres = new PostgresEventStore({ pool });

expectTypeOf<EventTypeOf<AccountEvent>>().toEqualTypeOf<'Opened' | 'Deposited'>();
expectTypeOf<EventOfType<AccountEvent, 'Opened'>>().toEqualTypeOf<Opened>();

// A recorded event narrows by its type.
export function centsOf(event: RecordedEvent<AccountEvent>): number {
  expectTypeOf(event.version).toEqualTypeOf<bigint>();
  return event.type === 'Deposited' ? event.data.cents : 0;
}

// What is appended is checked against the union.
await memory.appendToStream<AccountEvent>('account:1', [
  { type: 'Opened', data: { owner: 'Ada' } },
]);
// @ts-expect-error no such event
await memory.appendToStream<AccountEvent>('account:1', [{ type: 'Closed', data: {} }]);
// @ts-expect-error cents is a number
const wrong: NewEvent<AccountEvent> = { type: 'Deposited', data: { cents: '1' } };
await memory.appendToStream<AccountEvent>('account:1', [wrong]);
// @ts-expect-error a stream has a category
await memory.appendToStream('account', []);
// @ts-expect-error versions are bigint
await memory.appendToStream('account:1', [{ type: 'Opened', data: {} }], { expected: 1 });

// @ts-expect-error a check that accepts anything checks nothing
await memory.append({ writes: [], checks: [{ stream: 'account:1', expected: 'any' }] });

// Only a store with transactions takes one.
expectTypeOf(postgres).toExtend<EventStore<PostgresTransaction>>();
await inTransaction(pool, async (transaction) => {
  await postgres.appendToStream('account:1', [{ type: 'Opened', data: {} }], { transaction });
  // @ts-expect-error memory has no transactions
  await memory.appendToStream('account:1', [{ type: 'Opened', data: {} }], { transaction });
});

// What a read gives is the union that was asked for.
for await (const event of postgres.readStream<AccountEvent>('account:1')) {
  expectTypeOf(event).toEqualTypeOf<RecordedEvent<AccountEvent>>();
}
