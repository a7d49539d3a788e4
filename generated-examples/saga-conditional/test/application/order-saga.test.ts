import { createSagaEngine, InMemorySagaStore } from 'potter-runtime/sagas';
import { ParticipantLedger, VirtualClock } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { orderSaga, type OrderToFulfil } from '../../src/application/order-saga.ts';
import { servicesOn } from '../support/ledger-services.ts';
import { crashesOf } from '../support/order-crashes.ts';
import { DETAILS, EVERYTHING } from '../support/scenarios.ts';

const small: OrderToFulfil = { orderId: 'order-1', ...DETAILS };
const everything: OrderToFulfil = { ...small, ...EVERYTHING };

describe('the saga killed before, during and after every write, forwards and undoing, ends whole', () => {
  test.each([
    ['that needs every step', everything],
    ['that needs none of the conditional ones', small],
  ])('for an order %s', async (_which, input) => {
    const report = await crashesOf(input, (ledger, ends) => orderSaga(servicesOn(ledger, ends)));
    expect(report.violations).toEqual([]);
    expect(report.points).toBeGreaterThan(100);
  });
});

/** Runs one saga to its end; gives back its status and the names of what was done, and what was passed over with its reason. */
async function run(input: OrderToFulfil): Promise<readonly [string, readonly string[], object]> {
  const clock = new VirtualClock();
  const ledger = new ParticipantLedger();
  const definition = orderSaga(servicesOn(ledger, []));
  const store = new InMemorySagaStore({ clock });
  await using engine = createSagaEngine({ store, clock, definitions: [definition] });
  const ended = async () => {
    await engine.run();
    return engine.settled((await engine.start(definition, input)).sagaId);
  };
  const { sagaId, status } = await clock.settle(ended());
  const { history } = await engine.history(sagaId);
  const skipped = history.filter((entry) => entry.status === 'skipped');
  return [
    status,
    ledger.entries.map(({ step }) => step),
    Object.fromEntries(skipped.map(({ step, error }) => [step, error?.message])),
  ];
}

describe('an order goes by the steps that it needs', () => {
  test('all of them', async () => {
    expect(await run(everything)).toEqual([
      'completed',
      ['verify-large-order', 'apply-vip-benefits', 'customs-check', 'express-shipping'],
      { 'standard-shipping': 'The order goes with the other carrier.' },
    ]);
  });

  test('none of the conditional ones, and says why', async () => {
    expect(await run(small)).toEqual([
      'completed',
      ['standard-shipping'],
      {
        'verify-large-order': 'The order is not over 100000 cents.',
        'apply-vip-benefits': 'The customer is no VIP.',
        'customs-check': 'The order stays in its home country.',
        'express-shipping': 'The order goes with the other carrier.',
      },
    ]);
  });
});
