import { PostgresTwoPhaseLog } from 'potter-runtime/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { settled } from '../support/sagas.ts';
import { lines, start } from '../support/scenarios.ts';
import { type RunningService, startService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
let api: Api;

beforeAll(async () => {
  database = await createTestDatabase();
  service = await startService({ DATABASE_URL: database.url, LOG_LEVEL: 'info' });
  ({ api } = service);
});

afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

const TRANSACTIONS = '/api/v1/transactions';
const idsIn = async (state: string): Promise<readonly string[]> => {
  const { body } = await api.get<{ transactions: { transactionId: string }[] }>(
    `${TRANSACTIONS}?state=${state}`,
  );
  return body.transactions.map(({ transactionId }) => transactionId);
};

/** What a process leaves that died before anybody was asked. */
async function beginOnly(transactionId: string, warehouseId: string): Promise<void> {
  const log = new PostgresTwoPhaseLog({ pool: database.pool });
  await log.begin({
    transactionId,
    fingerprint: 'left',
    branches: [{ participant: warehouseId, work: null }],
    dueInMs: 600_000,
  });
}

describe('a transaction', () => {
  test('that committed shows it, and every warehouse of it', async () => {
    const { sagaId } = await start(api);
    await settled(api, sagaId);
    const transactionId = `${sagaId}:reserve-warehouses`;
    expect(await api.get(`${TRANSACTIONS}/${transactionId}`)).toMatchObject({
      status: 200,
      body: {
        transactionId,
        decision: 'commit',
        participants: ['east', 'north', 'west'].map((warehouseId) => ({
          warehouseId,
          state: 'committed',
        })),
        reason: null,
        settledAt: expect.stringMatching(/Z$/),
      },
    });
    expect(await idsIn('committed')).toContain(transactionId);
    expect(await idsIn('in-doubt')).toEqual([]);
  });

  test('that a warehouse refused shows why', async () => {
    const { sagaId } = await start(api, { lines: [...lines(1, 'east'), ...lines(51, 'north')] });
    await settled(api, sagaId);
    const transactionId = `${sagaId}:reserve-warehouses`;
    expect((await api.get(`${TRANSACTIONS}/${transactionId}`)).body).toMatchObject({
      decision: 'abort',
      reason: 'INSUFFICIENT_STOCK',
    });
    // The saga did not wait until a warehouse that was away had heard of it.
    await expect.poll(() => idsIn('aborted')).toContain(transactionId);
    expect((await api.get(`${TRANSACTIONS}/${transactionId}`)).body).toMatchObject({
      participants: [
        { warehouseId: 'east', state: 'aborted' },
        { warehouseId: 'north', state: 'aborted' },
      ],
    });
  });

  test('in doubt is listed, and can be aborted by hand, once and for good', async () => {
    await beginOnly('left-behind', 'east');
    expect(await idsIn('in-doubt')).toEqual(['left-behind']);
    expect((await api.get(`${TRANSACTIONS}/left-behind`)).body).toMatchObject({
      decision: null,
      participants: [{ warehouseId: 'east', state: 'unknown' }],
    });
    const resolve = (decision: string) =>
      api.post(`${TRANSACTIONS}/left-behind/resolve`, {
        decision,
        by: 'ada',
        reason: 'It is old.',
      });
    expect(await resolve('commit')).toMatchObject({
      status: 409,
      body: { code: 'TWO_PHASE_NOT_PREPARED' },
    });
    expect(await resolve('abort')).toMatchObject({ status: 202, body: { decision: 'abort' } });
    expect(await resolve('commit')).toMatchObject({
      status: 409,
      body: { code: 'TWO_PHASE_ALREADY_DECIDED' },
    });
    const { rows } = await database.pool.query({
      text: `SELECT by, reason, decision FROM potter.two_phase_audit WHERE transaction_id = 'left-behind'`,
    });
    expect(rows).toEqual([{ by: 'ada', reason: 'It is old.', decision: 'abort' }]);
  });

  test('that never was is not found', async () => {
    expect(await api.get(`${TRANSACTIONS}/nothing`)).toMatchObject({
      status: 404,
      body: { code: 'TWO_PHASE_TRANSACTION_NOT_FOUND' },
    });
  });
});
