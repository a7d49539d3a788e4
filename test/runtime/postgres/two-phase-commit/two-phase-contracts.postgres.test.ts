import { newId } from 'potter-runtime/foundation';
import { createHttpService, twoPhaseParticipantRoutes } from 'potter-runtime/http';
import {
  inTransaction,
  PostgresTwoPhaseLog,
  translatePostgresError,
} from 'potter-runtime/postgres';
import { httpParticipant, type TwoPhaseParticipant } from 'potter-runtime/sagas';
import { twoPhaseLogContract, twoPhaseParticipantContract } from 'potter-runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { participantDatabase } from './two-phase-databases.ts';
import {
  effectsIn,
  holding,
  imbalance,
  prepared,
  type TakeWork,
  TOO_MUCH,
} from './two-phase-shelves.ts';

let logs: TestDatabase;
let shelf: TestDatabase;
let northUrl: string;
let north: Awaited<ReturnType<typeof createHttpService>>;

beforeAll(async () => {
  logs = await createTestDatabase({ components: ['two-phase-commit'] });
  shelf = await participantDatabase();
  north = await createHttpService({
    name: 'north',
    version: '1',
    translateError: translatePostgresError,
  });
  twoPhaseParticipantRoutes(north, prepared('north', shelf));
  northUrl = await north.listen({ port: 0 });
});

afterAll(async () => {
  await north.close();
  await shelf.close();
  await logs.close();
});

describe('PostgreSQL two-phase log', () => {
  const rules = twoPhaseLogContract(() => {
    const options = { pool: logs.pool, coordinator: `log-${newId().slice(-12)}` };
    return { log: new PostgresTwoPhaseLog(options), other: new PostgresTwoPhaseLog(options) };
  });
  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(12);
  });

  test('what another process is taking at this moment is left to it, and not waited for', async () => {
    const log = new PostgresTwoPhaseLog({ pool: logs.pool, coordinator: 'taking' });
    for (const transactionId of ['t-1', 't-2']) {
      await log.begin({ transactionId, fingerprint: 'f', branches: [], dueInMs: 0 });
    }
    await inTransaction(logs.pool, async (other) => {
      await other.query({
        text: `SELECT FROM potter.two_phase_transactions WHERE coordinator = 'taking' AND transaction_id = 't-1' FOR UPDATE`,
      });
      const due = await log.due({ limit: 9, leaseMs: 60_000, resting: [] });
      expect(due.map(({ transactionId }) => transactionId)).toEqual(['t-2']);
    });
  });

  test('names of coordinators keep their transactions apart', async () => {
    const [one, two] = ['one', 'two'].map(
      (coordinator) => new PostgresTwoPhaseLog({ pool: logs.pool, coordinator }),
    );
    await one?.begin({ transactionId: 't-1', fingerprint: 'f', branches: [], dueInMs: 0 });
    expect(await two?.get('t-1')).toBeUndefined();
    expect(await two?.due({ limit: 9, leaseMs: 0, resting: [] })).toEqual([]);
    expect(await two?.identity()).not.toBe(await one?.identity());
  });
});

describe.each<[string, (name: string) => TwoPhaseParticipant<TakeWork>]>([
  ['prepared transactions', () => prepared('east', shelf)],
  ['try-confirm-cancel', () => holding('west', shelf)],
  [
    'prepared transactions behind HTTP',
    () => httpParticipant<TakeWork>({ name: 'north', url: `${northUrl}/two-phase` }),
  ],
])('participant by %s', (name, participant) => {
  const rules = twoPhaseParticipantContract<TakeWork>(() => ({
    participant: participant(name),
    other: participant(name),
    work: (effect) => ({ effect, quantity: 1 }),
    refused: TOO_MUCH,
    effects: (effect) => effectsIn(shelf, effect),
  }));
  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(10);
  });
});

test('after all of them stock adds up and nothing is held or prepared', async () => {
  expect(await imbalance(shelf)).toBeUndefined();
});
