import type { PostgresTransaction } from '../../../runtime/src/postgres/connection/client.ts';
import type { Projection } from '../../../runtime/src/projections/projection.ts';
import type { SagaFeedItem } from '../../../runtime/src/sagas/saga-feed.ts';

/** Adding up is not idempotent: a batch applied twice, or lost, is seen. */
export const COMMIT_COUNTS = `
  CREATE TABLE commit_counts (saga_id text PRIMARY KEY, commits bigint NOT NULL, entries bigint NOT NULL, last bigint NOT NULL);
  CREATE TABLE commit_total (id int PRIMARY KEY, commits bigint NOT NULL)`;

/** What the counts have to be, from the journal itself, next to what they are. */
export const COUNTED_WRONG = `
  SELECT j.saga_id, j.commits, c.commits AS counted FROM
    (SELECT saga_id, count(*) AS commits, max(seq) AS entries, max(position) AS last FROM potter.saga_journal GROUP BY 1) j
    FULL JOIN commit_counts c ON (c.saga_id, c.commits, c.entries, c.last) = (j.saga_id, j.commits, j.entries, j.last)
  WHERE c.saga_id IS NULL OR j.saga_id IS NULL
  UNION ALL
  SELECT 'total', n.commits, t.commits FROM (SELECT count(*) AS commits FROM potter.saga_journal) n
    FULL JOIN commit_total t ON t.commits = n.commits WHERE n.commits > 0 AND (t.id IS NULL OR n.commits IS NULL)`;

/** Counts the commits of all sagas, each and together. */
export function countingCommits(
  options: {
    readonly batchSize?: number;
    /** Called inside the transaction, after the rows were written. */
    readonly written?: (building: boolean) => void | Promise<void>;
  } = {},
): Projection<SagaFeedItem, PostgresTransaction> {
  return {
    name: 'commit-counts',
    version: 1,
    tables: [{ name: 'public.commit_counts' }, { name: 'public.commit_total' }],
    batchSize: options.batchSize ?? 20,
    handle: async (items, { transaction, table, building }) => {
      const counts = new Map<string, { commits: number; entries: number; last: bigint }>();
      for (const { sagaId, entries, position } of items) {
        const before = counts.get(sagaId) ?? { commits: 0, entries: 0 };
        counts.set(sagaId, {
          commits: before.commits + 1,
          entries: before.entries + entries.length,
          last: position,
        });
      }
      const name = table('public.commit_counts');
      await transaction.query({
        text: `INSERT INTO ${name} AS c SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
          ON CONFLICT (saga_id) DO UPDATE SET commits = c.commits + excluded.commits,
            entries = c.entries + excluded.entries, last = excluded.last`,
        values: [
          [...counts.keys()],
          [...counts.values()].map(({ commits }) => commits),
          [...counts.values()].map(({ entries }) => entries),
          [...counts.values()].map(({ last }) => last),
        ],
      });
      await transaction.query({
        text: `INSERT INTO ${table('public.commit_total')} AS t VALUES (1, $1)
          ON CONFLICT (id) DO UPDATE SET commits = t.commits + excluded.commits`,
        values: [items.length],
      });
      await options.written?.(building);
    },
  };
}
