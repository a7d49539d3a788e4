import { systemClock } from 'potter-runtime/foundation';
import { crashTwoPhase } from 'potter-runtime/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { freshLog, participantDatabase } from './two-phase-databases.ts';
import { effectsIn, holding, imbalance, prepared } from './two-phase-shelves.ts';

let home: TestDatabase;
let east: TestDatabase;
let west: TestDatabase;

beforeAll(async () => {
  [home, east, west] = await Promise.all([
    createTestDatabase({ components: ['two-phase-commit'] }),
    participantDatabase(),
    participantDatabase(),
  ]);
});

afterAll(() => Promise.all([home.close(), east.close(), west.close()]));

test(
  'killed at every durable write, on three databases, each transaction is all or nothing and nothing stays prepared',
  {
    timeout: 180_000,
  },
  async () => {
    const report = await crashTwoPhase({
      lanes: 4,
      clock: () => systemClock,
      scenario: (_clock, transactionId) => ({
        log: freshLog(home),
        participants: [prepared('east', east), holding('west', west)],
        branches: ['east', 'west'].map((participant) => ({
          participant,
          work: { effect: transactionId, quantity: 3 },
        })),
      }),
      expire: async (transactionId) => {
        await home.pool.query({
          text: `UPDATE potter.two_phase_transactions SET due_at = '-infinity' WHERE transaction_id = $1 AND due_at IS NOT NULL`,
          values: [transactionId],
        });
      },
      check: async (transactionId, outcome) => {
        const counts = [await effectsIn(east, transactionId), await effectsIn(west, transactionId)];
        const expected = outcome === 'committed' ? '1,1' : '0,0';
        return counts.join() === expected
          ? []
          : [`${outcome}, and has the effects ${counts.join()}`];
      },
      ...(isFullRun ? {} : { modes: ['before', 'during', 'late'] }),
    });
    console.log(
      `two-phase crash sweep on PostgreSQL: ${report.points} points at ${report.boundaries} writes, ` +
        `${report.committed} committed, ${report.aborted} aborted, ${report.violations.length} violations`,
    );
    expect(report.violations).toEqual([]);
    expect(report.points).toBeGreaterThan(100);
    for (const database of [east, west]) expect(await imbalance(database)).toBeUndefined();
  },
);
