import { newId } from 'potter-runtime/foundation';
import { PostgresTwoPhaseLog } from 'potter-runtime/postgres';
import { TwoPhaseCoordinator } from 'potter-runtime/sagas';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { type Program, runProgram } from '../../../support/program.ts';
import { participantDatabase } from './two-phase-databases.ts';
import { effectsIn, holding, imbalance, prepared } from './two-phase-shelves.ts';

const PROGRAM = fileURLToPath(new URL('./two-phase-program.ts', import.meta.url));
/** Processes that are alive at once. */
const LANES = 3;

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

function start(coordinator: string, id: string, more: Readonly<Record<string, string>>): Program {
  const urls = { HOME_URL: home.url, EAST_URL: east.url, WEST_URL: west.url };
  return runProgram(PROGRAM, [], { env: { ...urls, COORDINATOR: coordinator, ID: id, ...more } });
}

/** What is wrong once another process has cleared up; undefined when nothing is. */
async function violation(coordinator: string, id: string): Promise<string | undefined> {
  const log = new PostgresTwoPhaseLog({ pool: home.pool, coordinator });
  await home.pool.query({
    text: `UPDATE potter.two_phase_transactions SET due_at = '-infinity' WHERE coordinator = $1 AND due_at IS NOT NULL`,
    values: [coordinator],
  });
  await using next = new TwoPhaseCoordinator({
    log,
    participants: [prepared('east', east), holding('west', west)],
    orphanAfter: 0,
  });
  await next.sweep();
  const record = await log.get(id);
  if (record !== undefined && record.settledAt === null) return 'is in doubt';
  const effects = [await effectsIn(east, id), await effectsIn(west, id)].join();
  const expected = record?.decision === 'commit' ? '1,1' : '0,0';
  return effects === expected ? undefined : `has the effects ${effects} instead of ${expected}`;
}

test.each([
  ['all willing', 'committed', {}, 1],
  ['one refusing', 'aborted', { REFUSE: 'yes' }, isFullRun ? 1 : 3],
] as const)(
  'killed with SIGKILL before, during and after every durable write, %s: all or nothing, and nothing stays prepared',
  {
    timeout: 180_000,
  },
  async (story, expected, environment, step) => {
    const whole = start(newId().slice(-12), newId(), environment);
    const [, outcome, count = ''] = await whole.wrote(/(committed|aborted) (\d+)/);
    await whole.ended;
    expect(outcome).toBe(expected);
    const points = Number(count);
    const queue = Array.from({ length: points }, (_, at) => at + 1).filter((at) => at % step === 0);
    const tried = queue.length;
    const violations: string[] = [];
    let killed = 0;
    const lane = async (): Promise<void> => {
      for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
        const [coordinator, id] = [newId().slice(-12), newId()];
        const program = start(coordinator, id, { ...environment, KILL_AT: String(at) });
        if ((await program.ended) === 'SIGKILL') killed += 1;
        const problem = await violation(coordinator, id);
        if (problem !== undefined)
          violations.push(`point ${at} of ${points}: the transaction ${problem}`);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    console.log(
      `two-phase commit killed with SIGKILL, ${story}: ${killed} of ${points} points, ${violations.length} violations`,
    );
    expect(violations).toEqual([]);
    expect(killed).toBe(tried);
    expect(points).toBeGreaterThanOrEqual(18);
    for (const database of [east, west]) expect(await imbalance(database)).toBeUndefined();
  },
);
