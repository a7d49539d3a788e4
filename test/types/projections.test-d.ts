import { expectTypeOf } from 'expect-type';
import type { Event, RecordedEvent } from 'potter-runtime/events';
import { InMemoryEventStore } from 'potter-runtime/event-store';
import { inlineProjection, type PostgresTransaction } from 'potter-runtime/postgres';
import {
  eventFeed,
  type Feed,
  type InMemoryReadModel,
  perEvent,
  project,
  type ProjectionContext,
} from 'potter-runtime/projections';

type Opened = Event<'Opened', { readonly owner: string }>;
type Deposited = Event<'Deposited', { readonly cents: number }>;
type AccountEvent = Opened | Deposited;
type Context = ProjectionContext<InMemoryReadModel>;

const feed = eventFeed<AccountEvent>(new InMemoryEventStore(), { category: 'account' });
expectTypeOf(feed).toEqualTypeOf<Feed<RecordedEvent<AccountEvent>>>();

const handle = perEvent<AccountEvent, Context>({
  Opened: async (event, { transaction, table }) => {
    expectTypeOf(event.data).toEqualTypeOf<{ readonly owner: string }>();
    transaction.rows(table('accounts')).set(event.streamId, event.data.owner);
  },
  Deposited: 'ignored',
});
void project(feed, { name: 'accounts', version: 1, handle });

// @ts-expect-error an event that nothing is said about does not compile
perEvent<AccountEvent, Context>({ Opened: 'ignored' });
// @ts-expect-error nor does one outside the union
perEvent<AccountEvent, Context>({ Opened: 'ignored', Deposited: 'ignored', Closed: 'ignored' });

inlineProjection<AccountEvent>({
  Opened: 'ignored',
  Deposited: async (event, transaction) => {
    expectTypeOf(event.data.cents).toEqualTypeOf<number>();
    expectTypeOf(transaction).toEqualTypeOf<PostgresTransaction>();
  },
});
// @ts-expect-error an inline projection has to say something about each event too
inlineProjection<AccountEvent>({ Deposited: 'ignored' });

// A handler of batches has the compiler check what is left.
void project(feed, {
  name: 'accounts',
  version: 1,
  handle: async (events) => {
    for (const event of events) {
      if (event.type === 'Opened') continue;
      // @ts-expect-error a case is missing
      event satisfies never;
    }
  },
});
