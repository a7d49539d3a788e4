import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  describeDefinition,
  type InMemoryTransaction,
  saga,
  type SagaDefinition,
} from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { withGuideCode } from '../../../scripts/guide-code.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { SagaWorld } from '../sagas/saga-world.ts';
import { TwoPhaseWorld } from '../sagas/two-phase-commit/two-phase-world.ts';
import {
  approval,
  choosingSaga,
  disturbedSaga,
  fakedSaga,
  firstSaga,
  limitedSaga,
  lockedSaga,
  movedProblems,
  movedSaga,
  type Order,
  parallelSaga,
  patientSaga,
  pivotSaga,
  type Services,
  transactionalSaga,
  warehouseSaga,
} from './saga-guide.ts';

const order: Order = { orderId: 'o-1', amountCents: 200_000, country: 'FR', carrier: 'red' };
const services: Services = {
  reserve: async (orderId) => ({ reservationId: `r-${orderId}` }),
  release: async () => {},
  quote: async () => 490,
  capture: async () => 'p-1',
  ship: async () => 't-1',
};

async function resultsOf(
  definition: SagaDefinition<Order, InMemoryTransaction>,
): Promise<Readonly<Record<string, unknown>>> {
  const world = new SagaWorld();
  const { status, results } = await world.settle(
    await world.engine([definition]),
    definition,
    order,
  );
  expect(status).toBe('completed');
  return results;
}

describe('the guide to sagas', () => {
  test('shows the code that this test runs', () => {
    const guide = readFileSync(new URL('../../../docs/sagas.md', import.meta.url), 'utf8');
    expect(withGuideCode(guide), 'Run: npm run docs').toBe(guide);
  });

  test('shows sagas that work as it says', async () => {
    expect(await resultsOf(firstSaga(services))).toMatchObject({ note: 'r-o-1 costs 490' });
    expect(await resultsOf(parallelSaga(services))).toMatchObject({ confirm: [490, 'r-o-1'] });
    expect(await resultsOf(choosingSaga())).toEqual({
      verify: 'verified',
      customs: 'cleared',
      'call-red': 'called red',
      end: 'verified',
    });
    expect(await resultsOf(pivotSaga(services))).toMatchObject({ thank: 'shipped as t-1' });
    expect(await resultsOf(lockedSaga)).toEqual({ change: 'o-1' });
    expect(await resultsOf(limitedSaga)).toEqual({ ask: 'FR' });
    expect(await resultsOf(movedSaga)).toEqual({ charge: 200_000, thank: 'o-1' });
    const warehouses = new TwoPhaseWorld();
    await using coordinator = warehouses.coordinator();
    const { reserve, quote } = await resultsOf(warehouseSaga(coordinator, []));
    expect(reserve).toMatchObject({ transactionId: quote });
    expect(await coordinator.get(String(quote))).toMatchObject({ decision: 'commit' });
    const written: string[] = [];
    expect(await resultsOf(transactionalSaga(written))).toEqual({ book: 'booked' });
    expect(written).toEqual(['o-1']);
  });

  test('shows waits that last as long as it says', async () => {
    const world = new SagaWorld();
    const engine = await world.engine([patientSaga], { poll: '1m', lease: '10m' });
    const { sagaId } = await engine.start(patientSaga, order);
    await expect(engine.signal(sagaId, approval, { by: '' })).rejects.toMatchObject({
      code: 'INVALID_APPROVAL',
    });
    await engine.signal(sagaId, approval, { by: 'Ann' });
    await world.clock.advance('23h');
    expect(await engine.get(sagaId)).toMatchObject({ currentStep: 'cooling-off' });
    await world.clock.advance('2h');
    expect(await engine.get(sagaId)).toMatchObject({ results: { go: 'approved by Ann' } });
  });

  test('shows how a deployment is checked', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'moved-order.json');
    const before = saga<Order>('moved-order').step('bill', { execute: () => null });
    writeFileSync(file, JSON.stringify(describeDefinition(before.build())));
    expect(movedProblems(file)).toEqual([]);
    const more = before.step('post', { execute: () => null }).build();
    writeFileSync(file, JSON.stringify(describeDefinition(more)));
    expect(movedProblems(file)).toEqual([
      "A saga of version 1 that has begun 'post' cannot go on under version 2: 'post' is gone, or was renamed without a word in migrateFrom.",
    ]);
  });

  test('shows how a saga is disturbed, and a participant faked', async () => {
    const { calls, runs, violations } = await disturbedSaga(order);
    expect(violations).toEqual([]);
    expect([calls, runs]).toEqual([12, 48]);
    const { definition, payments } = fakedSaga();
    const world = new SagaWorld();
    const view = await world.settle(await world.engine([definition]), definition, order);
    expect(view).toMatchObject({ status: 'compensated', error: { code: 'REFUSED_BY_TEST' } });
    expect(payments.calls.map(({ key, mood }) => [key.split('/').at(-1), mood])).toEqual([
      ['do', 'works-and-hangs'],
      ['do', 'refuses'],
      ['undo', 'works'],
    ]);
  });
});
