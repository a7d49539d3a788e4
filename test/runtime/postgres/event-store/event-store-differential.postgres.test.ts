import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type AppendRequest,
  type EventStore,
  type ExpectedVersion,
  InMemoryEventStore,
  type StreamCheck,
} from 'potter-runtime/event-store';
import { type NewEvent, type RecordedEvent, streamId } from 'potter-runtime/events';
import { isPotterError } from 'potter-runtime/errors';
import { PostgresEventStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';

let database: TestDatabase;
let postgres: PostgresEventStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store'] });
  postgres = new PostgresEventStore({ pool: database.pool });
});

afterAll(async () => {
  await postgres.close();
  await database.close();
});

const ids = Array.from({ length: 6 }, (_, n) => `00000000-0000-7000-8000-00000000000${n}`);

const newEvent: fc.Arbitrary<NewEvent> = fc.record(
  {
    type: fc.constantFrom('Opened', 'Deposited', 'Closed'),
    data: fc.oneof(
      fc.jsonValue(),
      fc.record({ at: fc.date({ noInvalidDate: true }), n: fc.bigInt() }),
    ),
    id: fc.constantFrom(...ids),
    tags: fc.uniqueArray(fc.constantFrom('red', 'green', 'ü"{,}\\'), { maxLength: 3 }),
    schemaVersion: fc.integer({ min: 1, max: 3 }),
    metadata: fc.record({ user: fc.string() }, { requiredKeys: [] }),
  },
  { requiredKeys: ['type', 'data'] },
);

const stream = fc.constantFrom('red:1', 'red:2', 'green:1', 'green:a:b');
const expectedVersion = fc.constantFrom<ExpectedVersion>('any', 'none', 'exists', 0n, 1n, 2n, 3n);
const check = fc.constantFrom<StreamCheck['expected']>('none', 'exists', 1n, 2n);

const operation = fc.record(
  {
    writes: fc.array(
      fc.record({
        stream,
        expected: expectedVersion,
        events: fc.array(newEvent, { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    checks: fc.array(fc.record({ stream, expected: check }), { maxLength: 1 }),
  },
  { requiredKeys: ['writes'] },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

/** One round of its own: every stream and id gets a prefix, so that rounds share a database. */
function scoped({ writes, checks }: Operation, round: number): AppendRequest {
  const inRound = (name: string) =>
    streamId(`r${round}-${name.slice(0, name.indexOf(':'))}`, name.slice(name.indexOf(':') + 1));
  const idOf = (id: string): string => `${round.toString(16).padStart(8, '0')}${id.slice(8)}`;
  return {
    writes: writes.map((write) => ({
      ...write,
      stream: inRound(write.stream),
      events: write.events.map((event) =>
        event.id === undefined ? event : { ...event, id: idOf(event.id) },
      ),
    })),
    ...(checks === undefined
      ? {}
      : { checks: checks.map((one) => ({ ...one, stream: inRound(one.stream) })) }),
  };
}

/** What two stores must agree on. Positions are relative to the first of the round; generated ids and times differ. */
function comparable(events: readonly RecordedEvent[], chosen: ReadonlySet<string>) {
  return events.map(({ id, position: _position, recordedAt, ...rest }) => {
    expect(recordedAt).toBeInstanceOf(Date);
    return { ...rest, id: chosen.has(id) ? id : 'generated' };
  });
}

async function outcomeOf<Tx>(store: EventStore<Tx>, request: AppendRequest) {
  try {
    const { streams } = await store.append(request);
    return streams.map(({ stream: name, version, alreadyAppended }) => ({
      name,
      version,
      alreadyAppended,
    }));
  } catch (error) {
    if (!isPotterError(error)) throw error;
    return { code: error.code, ...('actual' in error ? { actual: error.actual } : {}) };
  }
}

async function eventsOf<Tx>(
  store: EventStore<Tx>,
  options: object,
): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of store.read(options)) events.push(event);
  return events;
}

test(
  'PostgreSQL and memory give the same answers to the same requests and the same events to the same reads',
  { timeout: 600_000 },
  async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 12 }), async (operations) => {
        round += 1;
        const memory = new InMemoryEventStore();
        const chosen = new Set<string>();
        for (const request of operations.map((one) => scoped(one, round))) {
          for (const { events } of request.writes)
            for (const { id } of events) if (id !== undefined) chosen.add(id);
          const inMemory = await outcomeOf<never>(memory, request);
          expect(await outcomeOf<PostgresTransaction>(postgres, request)).toEqual(inMemory);
        }
        const reads = [
          { category: `r${round}-red` },
          { category: `r${round}-green`, direction: 'backwards', pageSize: 2 },
          { category: `r${round}-red`, types: ['Opened', 'Closed'], limit: 3 },
          { category: `r${round}-red`, tags: ['red', 'ü"{,}\\'] },
        ];
        for (const options of reads) {
          expect(comparable(await eventsOf(postgres, options), chosen)).toEqual(
            comparable(await eventsOf(memory, options), chosen),
          );
        }
      }),
      { numRuns: isFullRun ? 1_000 : 60 },
    );
    expect(round).toBeGreaterThan(0);
  },
);
