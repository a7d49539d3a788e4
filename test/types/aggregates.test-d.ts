import { expectTypeOf } from 'expect-type';
import {
  Aggregate,
  aggregate,
  type CommandOf,
  decider,
  type EventOf,
  type Handled,
  type Loaded,
  repository,
  type StateOf,
} from 'potter-runtime/aggregates';
import type { Event } from 'potter-runtime/events';
import { type EventStore, InMemoryEventStore } from 'potter-runtime/event-store';
import { given } from 'potter-runtime/testing';

type Opened = Event<'Opened', { readonly owner: string }>;
type Deposited = Event<'Deposited', { readonly amountCents: number }>;
type AccountEvent = Opened | Deposited;
interface Account {
  readonly balanceCents: number;
}

const account = decider<Account, AccountEvent>({
  type: 'account',
  initial: () => ({ balanceCents: 0 }),
  evolve: {
    Opened: (state, event) => {
      expectTypeOf(event).toEqualTypeOf<Opened>();
      return state;
    },
    Deposited: (state, { data }) => ({ balanceCents: state.balanceCents + data.amountCents }),
  },
});

expectTypeOf<StateOf<typeof account>>().toEqualTypeOf<Account>();
expectTypeOf<EventOf<typeof account>>().toEqualTypeOf<AccountEvent>();
expectTypeOf<CommandOf<typeof account>>().toBeFunction();

decider<Account, AccountEvent>({
  type: 'account',
  initial: () => ({ balanceCents: 0 }),
  // @ts-expect-error a missing case does not compile
  evolve: { Opened: (state) => state },
});

decider<Account, AccountEvent>({
  type: 'account',
  initial: () => ({ balanceCents: 0 }),
  evolve: {
    Opened: (state) => state,
    Deposited: (state) => state,
    // @ts-expect-error a case for an event outside the union does not compile
    Closed: (state: Account) => state,
  },
});

decider<Account, AccountEvent>({
  type: 'account',
  initial: () => ({ balanceCents: 0 }),
  evolve: {
    // @ts-expect-error a case has to return the state
    Opened: () => ({ balance: 0 }),
    Deposited: (state) => state,
  },
});

const eventStore = new InMemoryEventStore();
const accounts = repository(account, { eventStore });

const handled = accounts.handle('1', (state) => {
  expectTypeOf(state).toEqualTypeOf<Account>();
  return { type: 'Deposited', data: { amountCents: 1 }, tags: ['gift'] };
});
expectTypeOf(handled).resolves.toEqualTypeOf<Handled<Account, AccountEvent>>();
expectTypeOf(accounts.load('1')).resolves.toEqualTypeOf<Loaded<Account>>();
void accounts.handle('1', () => []);
void accounts.handle('1', async () => [{ type: 'Opened', data: { owner: 'Ada' } }]);
// @ts-expect-error an event outside the union cannot be decided
void accounts.handle('1', () => ({ type: 'Closed', data: {} }));
// @ts-expect-error an event's data has to be right
void accounts.handle('1', () => ({ type: 'Deposited', data: { amountCents: '1' } }));
// @ts-expect-error a command has to decide something; no event is []
void accounts.handle('1', () => {});
// @ts-expect-error versions are bigint
void accounts.handle('1', () => [], { expected: 1 });
// @ts-expect-error a store without transactions takes none
void accounts.handle('1', () => [], { transaction: {} });

interface Transaction {
  readonly begun: true;
}
declare const transactional: EventStore<Transaction>;
declare const foreign: { readonly begun: false };
declare const transaction: Transaction;
const shared = repository(account, { eventStore: transactional });
void shared.handle('1', () => [], { transaction });
// @ts-expect-error of the transactions there are, only the store's own
void shared.handle('1', () => [], { transaction: foreign });

class AccountClass extends Aggregate<AccountEvent> {
  protected override readonly when = { Opened: () => {}, Deposited: (_event: Deposited) => {} };

  deposit(amountCents: number): void {
    this.raise({ type: 'Deposited', data: { amountCents } });
    // @ts-expect-error only events of the union can be raised
    this.raise({ type: 'Closed', data: {} });
  }
}

class Incomplete extends Aggregate<AccountEvent> {
  // @ts-expect-error a missing case does not compile in a class either
  protected override readonly when = { Opened: () => {} };
}
void Incomplete;

const accountClass = aggregate({ type: 'account', create: () => new AccountClass() });
expectTypeOf<StateOf<typeof accountClass>>().toEqualTypeOf<AccountClass>();
expectTypeOf<EventOf<typeof accountClass>>().toEqualTypeOf<AccountEvent>();
const objects = repository(accountClass, { eventStore });
void objects.handle('1', (instance) => instance.deposit(5));
// @ts-expect-error there is no such method
void objects.handle('1', (instance) => instance.close());

const opened: Opened = { type: 'Opened', data: { owner: 'Ada' } };
void given(account, opened)
  .when(() => [])
  .thenNothing();
void given(account, opened).thenState({ balanceCents: 0 });
// @ts-expect-error the past is made of the aggregate's own events
void given(account, { type: 'Closed', data: {} });
// @ts-expect-error an expected state is a whole state
void given(account, opened).thenState({ balance: 0 });
const when = given(account, opened).when(() => []);
// @ts-expect-error to expect no event say thenNothing
void when.thenEvents();
