import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { aggregate, Aggregate, decider, repository } from 'potter-runtime/aggregates';
import type { Event } from 'potter-runtime/events';
import { InMemoryEventStore } from 'potter-runtime/event-store';
import { type Logger, silentLogger } from 'potter-runtime/foundation';
import {
  anyOf,
  everyEvents,
  everyInterval,
  InMemorySnapshotStore,
  noSnapshots,
  type SnapshotMoment,
  type SnapshotStrategy,
  stateIn,
  stateShape,
  takeSnapshot,
} from 'potter-runtime/snapshots';
import { VirtualClock } from 'potter-runtime/testing';
import { bankAccountClass } from '../aggregates/bank-account.ts';

type Counted = Event<'Counted', { readonly by: number }>;
interface Count {
  readonly total: number;
}
const counter = decider<Count, Counted>({
  type: 'counter',
  initial: () => ({ total: 0 }),
  evolve: { Counted: ({ total }, { data }) => ({ total: total + data.by }) },
});
const counted: Counted = { type: 'Counted', data: { by: 1 } };
const times = (n: number) => () => Array.from({ length: n }, () => counted);

function setUp(strategy?: SnapshotStrategy<Count>, logger: Logger = silentLogger) {
  const clock = new VirtualClock();
  const eventStore = new InMemoryEventStore({ clock });
  const store = new InMemorySnapshotStore({ keep: 1_000 });
  const snapshots = strategy === undefined ? { store } : { store, strategy };
  const counters = repository(counter, { eventStore, snapshots, clock, logger });
  const versions = async () =>
    (await store.list(counters.streamOf('1'))).map(({ version }) => version);
  return { clock, eventStore, store, counters, versions };
}

const schema = (version: number) => ({
  version,
  toJson: (state: object) => state,
  fromJson: (json: unknown) => json as object,
});

describe('strategies', () => {
  const moment: SnapshotMoment = {
    state: {},
    version: 10n,
    eventsSince: 10n,
    since: new Date(0),
    now: new Date(60_000),
  };

  test.each<[string, SnapshotStrategy, boolean]>([
    ['noSnapshots never', noSnapshots, false],
    ['everyEvents(10) after ten events', everyEvents(10), true],
    ['everyEvents(11) not yet', everyEvents(11), false],
    ['everyEvents(3) after three or more, multiple or not', everyEvents(3), true],
    ['everyInterval(1m) after a minute', everyInterval('1m'), true],
    ['everyInterval(61s) not yet', everyInterval('61s'), false],
    ['a hybrid when one of the two says so', anyOf(everyEvents(11), everyInterval('1m')), true],
    ['a hybrid not when neither does', anyOf(everyEvents(11), everyInterval('2m')), false],
    ['any function', ({ version }) => version === 10n, true],
  ])('%s', (_name, strategy, taken) => {
    expect(strategy(moment)).toBe(taken);
  });

  test.each([0, -1, 2.5, Number.NaN, Infinity])('everyEvents refuses %d', (count) => {
    expect(() => everyEvents(count)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { count } }),
    );
  });

  test('frequency counts from the stored snapshot: a batch that jumps over the threshold is noticed', async () => {
    const { counters, versions } = setUp(everyEvents(10));
    for (const batch of [9, 5, 9, 1, 30, 1]) {
      await counters.handle('1', times(batch));
      await counters.close();
    }
    expect(await versions()).toEqual([54n, 24n, 14n]);
  });

  test('the default is every 100 events', async () => {
    const { counters, versions } = setUp();
    await counters.handle('1', times(99));
    await counters.close();
    expect(await versions()).toEqual([]);
    await counters.handle('1', times(1));
    await counters.close();
    expect(await versions()).toEqual([100n]);
  });

  test('time counts from the stored snapshot of the stream, at first from its first event', async () => {
    const { clock, counters, versions } = setUp(everyInterval('1h'));
    await counters.handle('1', times(1));
    await clock.advance('59m');
    await counters.handle('1', times(1));
    await counters.close();
    expect(await versions()).toEqual([]);
    await clock.advance('1m');
    await counters.handle('1', times(1));
    await counters.close();
    await clock.advance('59m');
    await counters.handle('1', times(1));
    await counters.close();
    expect(await versions()).toEqual([3n]);
    await clock.advance('1m');
    await counters.handle('1', times(1));
    await counters.close();
    expect(await versions()).toEqual([5n, 3n]);
  });

  test('a strategy may be chosen from the state, at run time', async () => {
    const often = everyEvents(2);
    const { counters, versions } = setUp((moment) => moment.state.total >= 5 && often(moment));
    for (let i = 0; i < 8; i += 1) {
      await counters.handle('1', times(1));
      await counters.close();
    }
    expect(await versions()).toEqual([7n, 5n]);
  });

  test('a load that had to replay much takes the snapshot too; one that replayed nothing does not ask', async () => {
    const strategy = vi.fn<SnapshotStrategy<Count>>(everyEvents(10));
    const { eventStore, counters, versions } = setUp(strategy);
    await eventStore.appendToStream(counters.streamOf('1'), times(25)());
    await counters.load('1', { version: 12n });
    await counters.load('1', { snapshots: false });
    expect(strategy).not.toHaveBeenCalled();
    expect(await counters.load('1')).toMatchObject({ eventsRead: 25, snapshotVersion: undefined });
    await counters.close();
    expect(await versions()).toEqual([25n]);
    expect(await counters.load('1')).toMatchObject({ eventsRead: 0, snapshotVersion: 25n });
    expect(strategy).toHaveBeenCalledTimes(1);
  });
});

describe('a snapshot', () => {
  test('never changes what is loaded: any batches, any strategy, any version give what a replay gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 15 }),
        async (batches, every) => {
          const { counters, eventStore } = setUp(everyEvents(every));
          for (const batch of batches) await counters.handle('1', times(batch));
          await counters.close();
          const plain = repository(counter, { eventStore });
          const total = batches.reduce((sum, batch) => sum + batch, 0);
          for (let version = 0; version <= total; version += 1) {
            const asked = { version: BigInt(version) };
            const [quick, slow] = await Promise.all([
              counters.load('1', asked),
              plain.load('1', asked),
            ]);
            expect([quick.state, quick.version]).toEqual([slow.state, slow.version]);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each<[string, (state: string) => object]>([
    ['whose state was edited', () => ({ state: '{"total":1000}' })],
    ['whose text was cut short', (state) => ({ state: state.slice(0, 4) })],
    ['whose version was changed', () => ({ version: 9n })],
    ['that belongs to another stream', () => ({ stateHash: 'of another' })],
  ])('%s is reported, ignored and replayed', async (_what, damage) => {
    const warn = vi.fn<Logger['warn']>();
    const { counters, store } = setUp(everyEvents(10), { ...silentLogger, warn });
    await counters.handle('1', times(10));
    await counters.close();
    const [good] = await store.list(counters.streamOf('1'));
    if (good === undefined) throw new Error('no snapshot');
    vi.spyOn(store, 'latest').mockResolvedValue({ ...good, ...damage(good.state) });
    expect(await counters.load('1')).toMatchObject({
      state: { total: 10 },
      version: 10n,
      snapshotVersion: undefined,
    });
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('damaged'),
      expect.objectContaining({ stream: 'counter:1' }),
    );
  });

  test('of an older schema version, or of a state that looked different, is replayed, and replaced in time', async () => {
    const { eventStore, store, counters } = setUp(everyEvents(10));
    await counters.handle('1', times(10));
    await counters.close();
    const raised = decider<{ readonly total: number }, Counted>({
      type: 'counter',
      initial: () => ({ total: 0 }),
      evolve: { Counted: ({ total }) => ({ total: total + 100 }) },
      snapshot: { version: 2 },
    });
    const widened = decider<{ readonly total: number; readonly highest: number }, Counted>({
      type: 'counter',
      initial: () => ({ total: 0, highest: 0 }),
      evolve: {
        Counted: ({ total, highest }, { data }) => ({
          total: total + data.by,
          highest: Math.max(highest, data.by),
        }),
      },
    });
    const snapshots = { store, strategy: everyEvents(10) };
    const second = repository(raised, { eventStore, snapshots });
    expect(await second.load('1')).toMatchObject({
      state: { total: 1_000 },
      snapshotVersion: undefined,
    });
    await second.close();
    expect(await second.load('1')).toMatchObject({ state: { total: 1_000 }, snapshotVersion: 10n });
    const third = repository(widened, { eventStore, snapshots });
    expect(await third.load('1')).toMatchObject({
      state: { total: 10, highest: 1 },
      snapshotVersion: undefined,
    });
  });

  test('that cannot be read back by its schema is replayed', async () => {
    const { eventStore, store, counters } = setUp(everyEvents(1));
    await counters.handle('1', times(1));
    await counters.close();
    const strict = decider<Count, Counted>({
      type: 'counter',
      initial: counter.initial,
      evolve: { Counted: counter.evolve },
      snapshot: {
        fromJson: () => {
          throw new Error('not mine');
        },
      },
    });
    expect(await repository(strict, { eventStore, snapshots: { store } }).load('1')).toMatchObject({
      state: { total: 1 },
    });
  });

  test('carries bigints and dates; a state with a Map needs a schema that says how', async () => {
    const plain = {
      version: 1,
      toJson: (state: unknown) => state,
      fromJson: (json: unknown) => json,
    };
    const of = { stream: 's:1', version: 1n, shape: 'x', takenAt: new Date(0) } as const;
    const state = { big: 2n ** 65n, at: new Date(5) };
    expect(stateIn(plain, takeSnapshot(plain, { ...of, state }))).toEqual(state);
    expect(() => takeSnapshot(plain, { ...of, state: new Map() })).toThrow(
      /a Map has no JSON form/,
    );
    const told = {
      version: 1,
      toJson: (map: ReadonlyMap<string, number>) => [...map],
      fromJson: (json: unknown) => new Map(json as [string, number][]),
    };
    expect(stateIn(told, takeSnapshot(told, { ...of, state: new Map([['a', 1]]) }))).toEqual(
      new Map([['a', 1]]),
    );
  });

  test('the shape of a state changes with its schema version and with the fields of the initial state only', () => {
    const shape = stateShape(schema(1), { a: 0, b: '' });
    expect(stateShape(schema(1), { b: '', a: 0 })).toBe(shape);
    expect(stateShape(schema(2), { a: 0, b: '' })).not.toBe(shape);
    expect(stateShape(schema(1), { a: 0, b: '', c: null })).not.toBe(shape);
  });
});

describe('trouble with snapshots', () => {
  test('a store that fails or a strategy that throws never fails a command; each is reported', async () => {
    const warn = vi.fn<Logger['warn']>();
    const { counters, store } = setUp(everyEvents(1), { ...silentLogger, warn });
    vi.spyOn(store, 'save').mockRejectedValue(new Error('disk full'));
    vi.spyOn(store, 'latest').mockRejectedValue(new Error('no connection'));
    expect(await counters.handle('1', times(3))).toMatchObject({ version: 3n });
    expect(await counters.load('1')).toMatchObject({ state: { total: 3 } });
    await counters.close();
    expect(new Set(warn.mock.calls.map(([, fields]) => fields?.['trouble']))).toEqual(
      new Set(['unsaved', 'unreadable']),
    );

    const careless = setUp(() => {
      throw new Error('careless strategy');
    });
    expect(await careless.counters.handle('1', times(1))).toMatchObject({ version: 1n });
  });

  test('a store that never answers holds nothing up: neither the command nor those after it', async () => {
    const { counters, store } = setUp(everyEvents(1));
    const save = vi.spyOn(store, 'save').mockReturnValue(new Promise(() => {}));
    for (let i = 1; i <= 5; i += 1)
      expect(await counters.handle('1', times(1))).toMatchObject({ version: BigInt(i) });
    expect(save).toHaveBeenCalledTimes(1);
  });

  test('a burst of commands takes the snapshots it should and no more', async () => {
    const { counters, store, versions } = setUp(everyEvents(10));
    const save = vi.spyOn(store, 'save');
    for (let burst = 0; burst < 3; burst += 1) {
      await Promise.all(Array.from({ length: 12 }, () => counters.handle('1', times(1))));
    }
    await counters.close();
    expect(await versions()).toEqual([36n, 24n, 12n]);
    expect(save).toHaveBeenCalledTimes(3);
  });

  test('a class that does not say how a snapshot holds it is refused at once, with the way out', () => {
    class Bare extends Aggregate<Counted> {
      protected override readonly when = { Counted: () => {} };
    }
    const bare = aggregate({ type: 'bare', create: () => new Bare() });
    const options = {
      eventStore: new InMemoryEventStore(),
      snapshots: { store: new InMemorySnapshotStore() },
    };
    expect(() => repository(bare, options)).toThrow(
      /\[INVALID_CONFIGURATION\].*'bare'.*toJson, fromJson/,
    );
  });

  test('a class with a schema is restored from its snapshot', async () => {
    const options = {
      eventStore: new InMemoryEventStore(),
      snapshots: { store: new InMemorySnapshotStore(), strategy: everyEvents(3) },
    };
    const accounts = repository(bankAccountClass, options);
    await accounts.handle('1', (account) => {
      account.open('Ada');
      account.deposit(7);
      account.deposit(8);
    });
    await accounts.close();
    await accounts.handle('1', (account) => account.withdraw(5));
    const loaded = await accounts.load('1');
    expect(loaded).toMatchObject({ snapshotVersion: 3n, eventsRead: 1, version: 4n });
    expect(loaded.state.account).toEqual({ status: 'open', balanceCents: 10 });
  });
});

test('a time in the past is read from the events, though a snapshot of later is there', async () => {
  const { clock, counters, versions } = setUp(everyEvents(2));
  await counters.handle('1', times(1));
  const then = clock.now();
  await clock.advance('1h');
  await counters.handle('1', times(3));
  await counters.close();
  expect(await versions()).toEqual([4n]);
  expect(await counters.load('1', { at: then })).toMatchObject({
    version: 1n,
    state: { total: 1 },
    eventsRead: 1,
  });
});
