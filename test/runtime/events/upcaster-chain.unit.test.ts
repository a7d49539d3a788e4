import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InMemoryEventStore } from 'potter-runtime/event-store';
import {
  drop,
  noUpcasters,
  type RecordedEvent,
  split,
  upcast,
  upcasterChain,
} from 'potter-runtime/events';

interface OpenedV1 {
  readonly owner: string;
}
interface OpenedV2 {
  readonly owner: { readonly name: string };
}

const chain = upcasterChain({
  current: { AccountOpened: 3 },
  upcasters: [
    upcast('AccountOpened', 1, ({ owner }: OpenedV1): OpenedV2 => ({ owner: { name: owner } })),
    upcast('AccountOpened', 2, ({ owner }: OpenedV2, { recordedAt }) => ({
      owner,
      openedOn: recordedAt.toISOString().slice(0, 10),
    })),
    split(
      'Transferred',
      1,
      [
        { type: 'Withdrawn', version: 1 },
        { type: 'Deposited', version: 1 },
      ],
      (data: { readonly cents: number }) => [
        { type: 'Withdrawn', schemaVersion: 1, data },
        { type: 'Deposited', schemaVersion: 1, data },
      ],
    ),
    upcast('Funded', 1, (data: unknown) => data, { type: 'Deposited', version: 1 }),
    drop('Pinged'),
  ],
});

const stored: RecordedEvent = {
  id: '01997b3c-0000-7000-8000-000000000000',
  type: 'AccountOpened',
  data: { owner: 'Ada' },
  streamId: 'account:1',
  category: 'account',
  version: 7n,
  position: 42n,
  metadata: { correlationId: 'c' },
  tags: [],
  schemaVersion: 1,
  recordedAt: new Date('2024-02-29T12:00:00.000Z'),
};

describe('an upcaster chain', () => {
  test('brings every old version to the current one and keeps what the store said of the event', () => {
    const current = { name: 'Ada' };
    const expected = {
      ...stored,
      schemaVersion: 3,
      data: { owner: current, openedOn: '2024-02-29' },
    };
    expect(chain.apply(stored)).toEqual([expected]);
    expect(chain.apply({ ...stored, schemaVersion: 2, data: { owner: current } })).toEqual([
      expected,
    ]);
    expect(chain.apply(expected)).toEqual([expected]);
  });

  test('makes several events of one, renames events, and drops them', () => {
    const transferred = { ...stored, type: 'Transferred', data: { cents: 5 } };
    expect(chain.apply(transferred).map(({ type, version }) => [type, version])).toEqual([
      ['Withdrawn', 7n],
      ['Deposited', 7n],
    ]);
    expect(chain.apply({ ...stored, type: 'Funded' })).toMatchObject([{ type: 'Deposited' }]);
    expect(chain.apply({ ...stored, type: 'Pinged' })).toEqual([]);
  });

  test('leaves alone what it does not know, but refuses a version from the future', () => {
    const unknown = { ...stored, type: 'SomethingElse' };
    expect(chain.apply(unknown)).toEqual([unknown]);
    expect(() => chain.apply({ ...stored, schemaVersion: 4 })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_EVENT_TYPE' }),
    );
  });

  test('knows every stored type that can become a type, and the version new events get', () => {
    expect(new Set(chain.storedTypes(['Deposited']))).toEqual(
      new Set(['Deposited', 'Transferred', 'Funded']),
    );
    expect(chain.storedTypes([])).toEqual([]);
    expect(chain.currentVersion('AccountOpened')).toBe(3);
    expect(chain.currentVersion('Deposited')).toBe(1);
    expect(noUpcasters.storedTypes(['A'])).toEqual(['A']);
  });
});

const same = (data: unknown): unknown => data;

describe('a chain is refused before anything is read', () => {
  test.each([
    ['duplicate', { A: 2 }, [upcast('A', 1, same), upcast('A', 1, same)]],
    [
      'cycle',
      {},
      [
        upcast('A', 1, same, { type: 'B', version: 1 }),
        upcast('B', 1, same, { type: 'A', version: 1 }),
      ],
    ],
    ['cycle', {}, [upcast('A', 1, same, { version: 1 })]],
    ['gap', { A: 3 }, [upcast('A', 1, same)]],
    ['gap', { A: 3 }, [upcast('A', 2, same)]],
    ['gap', {}, [upcast('A', 1, same)]],
    ['gap', { A: 2 }, [upcast('A', 1, same), upcast('A', 2, same, { type: 'B', version: 1 })]],
  ])('%s %#', (problem, current, upcasters) => {
    expect(() => upcasterChain({ current, upcasters })).toThrow(
      expect.objectContaining({ code: 'INVALID_UPCASTER_CHAIN', details: { problem } }),
    );
  });

  test('every complete chain of one type is accepted, and none that lacks or repeats a step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.nat(),
        fc.boolean(),
        (versions, pick, repeat) => {
          const steps = Array.from({ length: versions - 1 }, (_, index) =>
            upcast('A', index + 1, (data: readonly number[]) => [...data, index + 1]),
          );
          const current = { A: versions };
          const whole = upcasterChain({ current, upcasters: steps });
          const [event] = whole.apply({ ...stored, type: 'A', data: [] });
          expect(event?.data).toEqual(steps.map((_, index) => index + 1));
          const index = pick % steps.length;
          const broken = repeat
            ? [...steps, ...steps.slice(index, index + 1)]
            : steps.toSpliced(index, 1);
          expect(() => upcasterChain({ current, upcasters: broken })).toThrow(
            /INVALID_UPCASTER_CHAIN/,
          );
        },
      ),
    );
  });
});

describe('a store with upcasters', () => {
  const old = new InMemoryEventStore();

  test('gives new events the current schema version', async () => {
    const store = new InMemoryEventStore({ upcasters: chain });
    const { events } = await store.appendToStream('account:1', [
      { type: 'AccountOpened', data: {} },
    ]);
    expect(events[0]?.schemaVersion).toBe(3);
    const plain = await old.appendToStream('account:1', [{ type: 'AccountOpened', data: {} }]);
    expect(plain.events[0]?.schemaVersion).toBe(1);
  });

  test('upcasts in every kind of read, and its pages tell the version reached though the last event was dropped', async () => {
    const store = new InMemoryEventStore({ upcasters: chain });
    await store.appendToStream('account:1', [
      { type: 'AccountOpened', data: { owner: 'Ada' }, schemaVersion: 1 },
      { type: 'Transferred', data: { cents: 5 } },
      { type: 'Pinged', data: {} },
    ]);
    const types: string[][] = [];
    for await (const page of store.readStream('account:1').pages()) {
      types.push(page.events.map(({ type }) => type));
      expect(page.lastVersion).toBe(3n);
    }
    for await (const page of store.read({ types: ['Deposited'] }).pages()) {
      types.push(page.events.map(({ type }) => type));
    }
    for await (const batch of store.subscribe({ filter: { types: ['Withdrawn'] } })) {
      types.push(batch.events.map(({ type }) => type));
      expect(batch.position).toBe(3n);
      break;
    }
    expect(types).toEqual([
      ['AccountOpened', 'Withdrawn', 'Deposited'],
      ['Deposited'],
      ['Withdrawn'],
    ]);
  });
});
