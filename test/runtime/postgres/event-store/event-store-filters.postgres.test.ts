import type { EventFilter } from 'potter-runtime/event-store';
import { streamId } from 'potter-runtime/events';
import {
  PostgresEventStore,
  type PostgresPool,
  type PostgresStatement,
} from 'potter-runtime/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

const EVENTS = 100_000;
/** One event in so many is rare: has the rare type, is of the rare category, bears the rare tag. */
const RARE = 500;

let database: TestDatabase;
let store: PostgresEventStore;
const statements: PostgresStatement[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store', 'event-store-filters'] });
  const { pool } = database;
  const watched: PostgresPool = {
    connect: () => pool.connect(),
    query: (statement) => {
      statements.push(statement);
      return pool.query(statement);
    },
  };
  store = new PostgresEventStore({ pool: watched });
  await pool.query(
    `insert into potter.events (stream_id, version, event_id, type, data, metadata, tags)
     select case when n % $2 = 0 then 'rare:' else 'usual:' end || n, 1, gen_random_uuid(),
       case when n % $2 = 1 then 'Rare' else 'Usual' end, '{}', '{}',
       case when n % $2 = 2 then array['rare', 'labelled'] when n % 10 = 3 then array['labelled'] else '{}' end
     from generate_series(1, $1::int) n`,
    [EVENTS, RARE],
  );
  await pool.query('vacuum analyze potter.events');
});

afterAll(async () => {
  await store.close();
  await database.close();
});

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

function nodesOf(node: PlanNode): readonly PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** How the database ran what the store asked last. */
async function lastPlan(): Promise<readonly PlanNode[]> {
  const asked = statements.at(-1);
  const { rows } = await database.pool.query<{ 'QUERY PLAN': readonly [{ Plan: PlanNode }] }>(
    `explain (analyze, format json) ${asked?.text}`,
    asked?.values,
  );
  const [plan] = rows[0]?.['QUERY PLAN'] ?? [];
  return plan === undefined ? [] : nodesOf(plan.Plan);
}

describe('with the component event-store-filters', () => {
  test.for<[string, EventFilter, string]>([
    ['type', { types: ['Rare'] }, 'events_type_position'],
    ['several types', { types: ['Rare', 'Rarest'] }, 'events_type_position'],
    ['category', { category: 'rare' }, 'events_category_position'],
    ['tag', { tags: ['rare'] }, 'events_tags'],
  ])('a read by %s goes by its index and reads nothing but its rows', async ([, filter, index]) => {
    const positions: bigint[] = [];
    for await (const { position } of store.read({ ...filter, pageSize: 1_000 }))
      positions.push(position);
    expect(positions).toHaveLength(EVENTS / RARE);
    expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)));
    const plan = await lastPlan();
    expect(plan.map((node) => node['Index Name'])).toContain(index);
    for (const node of plan) {
      expect(node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)).toBeLessThanOrEqual(
        EVENTS / RARE,
      );
    }
  });

  test('a page of a filtered read starts where the one before it ended, not at the beginning', async () => {
    let pages = 0;
    for await (const _page of store
      .read({ types: ['Usual'], pageSize: 1_000, limit: 5_000 })
      .pages())
      pages += 1;
    expect(pages).toBe(5);
    for (const node of await lastPlan()) expect(node['Actual Rows']).toBeLessThanOrEqual(1_000);
  });

  test('a subscription by type goes by the index', async () => {
    const stop = new AbortController();
    let seen = 0;
    for await (const batch of store.subscribe({
      filter: { types: ['Rare'] },
      signal: stop.signal,
    })) {
      seen += batch.events.length;
      if (batch.caughtUp) break;
    }
    expect(seen).toBe(EVENTS / RARE);
    const asked = statements.findLast(({ text }) => text.includes('type ='));
    statements.push(...(asked === undefined ? [] : [asked]));
    const plan = await lastPlan();
    expect(plan.map((node) => node['Index Name'])).toContain('events_type_position');
  });

  test('appends go on as ever', async () => {
    const stream = streamId('filtered', '1');
    await store.appendToStream(stream, [{ type: 'Rare', data: 1, tags: ['rare'] }]);
    const found: unknown[] = [];
    for await (const { data } of store.read({
      category: 'filtered',
      types: ['Rare'],
      tags: ['rare'],
    }))
      found.push(data);
    expect(found).toEqual([1]);
  });
});
