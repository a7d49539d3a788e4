import { InMemoryEventStore } from 'potter-runtime/event-store';
import { drop, type Event, split, upcast, upcasterChain } from 'potter-runtime/events';
import { simpleRetry } from 'potter-runtime/foundation';
import {
  createProjectionRunner,
  eventFeed,
  type InMemoryReadModel,
  InMemoryProjectionStore,
  perEvent,
  project,
  type ProjectionContext,
  type ProjectionRunner,
} from 'potter-runtime/projections';
import { afterEach, beforeEach, expect, test } from 'vitest';

type AccountEvent =
  | Event<'Opened', { readonly owner: string }>
  | Event<'Deposited', { readonly cents: number }>;

let store: InMemoryProjectionStore;
let runner: ProjectionRunner | undefined;

beforeEach(() => {
  store = new InMemoryProjectionStore();
});

afterEach(() => runner?.stop());

/** Sums of deposits by stream; refuses one amount as long as it is told to. */
async function sums(
  events: InMemoryEventStore,
  refuse: { cents?: number } = {},
): Promise<ProjectionRunner> {
  const feed = eventFeed<AccountEvent>(events, { category: 'account' });
  const handle = perEvent<AccountEvent, ProjectionContext<InMemoryReadModel>>({
    Opened: 'ignored',
    Deposited: async ({ streamId, data: { cents } }, { transaction, table }) => {
      const rows = transaction.rows(table('sums'));
      rows.set(streamId, Number(rows.get(streamId) ?? 0) + cents);
      if (cents === refuse.cents) throw new Error(`no ${cents}`);
    },
  });
  const projection = project(feed, {
    name: 'sums',
    version: 1,
    tables: [{ name: 'sums' }],
    onError: { retry: simpleRetry({ maxAttempts: 2, delay: 1 }), giveUp: 'dead-letter' },
    handle,
  });
  runner = createProjectionRunner({ store, projections: [projection] });
  await runner.run();
  return runner;
}

const rows = (): unknown => Object.fromEntries(store.rows('sums'));
const deposited = (cents: number): AccountEvent => ({ type: 'Deposited', data: { cents } });

test('a projection of an event store handles each event by its case, past and future, of its category only', async () => {
  const events = new InMemoryEventStore();
  await events.appendToStream<AccountEvent>('account:1', [
    { type: 'Opened', data: { owner: 'Ada' } },
    deposited(5),
  ]);
  await events.appendToStream('order:1', [{ type: 'Placed', data: {} }]);
  const running = await sums(events);
  expect(await running.waitFor('sums', 'caughtUp')).toBe(3n);
  expect(rows()).toEqual({ 'account:1': 5 });
  const { streams } = await events.append({
    writes: [{ stream: 'account:1', expected: 'any', events: [deposited(7)] }],
  });
  await running.waitFor('sums', streams[0]?.events[0]?.position ?? 0n);
  expect(rows()).toEqual({ 'account:1': 12 });
  expect(await running.progress()).toMatchObject([{ live: { head: 4n, lag: 0n } }]);
});

test('an event outside the union is not passed over in silence', async () => {
  const events = new InMemoryEventStore();
  await events.appendToStream('account:1', [{ type: 'Closed', data: {} }]);
  const running = await sums(events);
  await running.waitFor('sums', 'caughtUp');
  expect(await running.deadLetters('sums')).toMatchObject([
    { position: 1n, error: { code: 'UNKNOWN_EVENT_TYPE' } },
  ]);
});

test('old events come in their current form; what is stored at one position is handled, refused and tried again as one', async () => {
  const upcasters = upcasterChain({
    current: {},
    upcasters: [
      split('DepositedTwice', 1, [{ type: 'Deposited', version: 1 }], () =>
        [30, 70].map((cents) => ({ ...deposited(cents), schemaVersion: 1 })),
      ),
      upcast('Paid', 1, (data: unknown) => data, { type: 'Deposited', version: 1 }),
      drop('Noted'),
    ],
  });
  const events = new InMemoryEventStore({ upcasters });
  const refuse: { cents?: number } = { cents: 70 };
  for (const event of [
    { type: 'Paid', data: { cents: 1 } },
    { type: 'DepositedTwice', data: {} },
    { type: 'Noted', data: {} },
    { type: 'Paid', data: { cents: 2 } },
  ]) {
    await events.appendToStream('account:1', [{ ...event, schemaVersion: 1 }]);
  }
  const running = await sums(events, refuse);
  await running.waitFor('sums', 'caughtUp');
  // Half of what was split is not in the rows.
  expect(rows()).toEqual({ 'account:1': 3 });
  expect(await running.deadLetters('sums')).toMatchObject([{ position: 2n }]);
  delete refuse.cents;
  await running.retryDeadLetter('sums', 2n);
  expect(rows()).toEqual({ 'account:1': 103 });
});
