import { Rejection } from 'potter-runtime/errors';
import { simpleRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, type SagaEngine } from 'potter-runtime/sagas';
import { disturbEverywhere, FakeParticipant, type LedgerClient } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { approval, referenceSaga } from '../../support/reference-saga.ts';
import { halfTogether, togetherInMemory } from '../../support/reference-together.ts';
import { SagaWorld } from './saga-world.ts';

/** Seats in a hall, booked by a saga that then fails or not. A participant with a database of its own, without the database. */
interface Hall {
  readonly book: (key: string) => void;
  readonly free: (key: string) => void;
  booked(): number;
}

const honest = (): Hall => {
  const seats = new Map<string, 'booked' | 'freed'>();
  return {
    book: (key) => {
      const seat = key.replace('/do', '');
      if (seats.get(seat) === 'freed') throw new Error('That came too late.');
      seats.set(seat, 'booked');
    },
    free: (key) => void seats.set(key.replace('/undo', ''), 'freed'),
    booked: () => [...seats.values()].filter((state) => state === 'booked').length,
  };
};

/** Counts calls, whoever repeats them. */
const counting = (): Hall => {
  let seats = 0;
  return {
    book: () => void (seats += 1),
    free: () => void (seats -= 1),
    booked: () => seats,
  };
};

/** Knows its keys, and forgets them when they are freed: what comes later is booked anew. */
const forgetful = (): Hall => {
  const seats = new Set<string>();
  return {
    book: (key) => void seats.add(key.replace('/do', '')),
    free: (key) => void seats.delete(key.replace('/undo', '')),
    booked: () => seats.size,
  };
};

async function disturbed(hallOf: () => Hall) {
  let hall = hallOf();
  return disturbEverywhere({
    scenario: (ledger) => {
      hall = hallOf();
      const retry = simpleRetry({ maxAttempts: 3, delay: '1s' });
      const definition = saga<null, InMemoryTransaction>('booking')
        .step('book', {
          execute: async ({ key }) => {
            hall.book(key);
            return ledger.apply(key, () => 'seat');
          },
          compensate: async ({ key }) => {
            hall.free(key);
            await ledger.apply(key);
          },
          retry,
        })
        .step('pay', { execute: ({ key }) => ledger.apply(key, () => 'paid'), retry })
        .build();
      return { definition, input: null };
    },
    check: ({ status }) => {
      const [booked, wanted] = [hall.booked(), status === 'completed' ? 1 : 0];
      return booked === wanted ? [] : [`${booked} seats are booked and the saga is ${status}`];
    },
  });
}

const settled = async (participant: FakeParticipant) => {
  const world = new SagaWorld();
  const definition = saga<null, InMemoryTransaction>('faked')
    .step('it', {
      execute: ({ key, signal }) => participant.apply(key, () => 'done', signal),
      compensate: ({ key, signal }) => participant.apply(key, undefined, signal),
      retry: simpleRetry({ maxAttempts: 2, delay: '1s' }),
      timeout: '5s',
    })
    .step('last', {
      execute: ({ results }) => {
        if (results.it !== 'done') throw new Rejection('NOT_DONE', 'No.');
      },
    })
    .build();
  const view = await world.settle(await world.engine([definition]), definition, null);
  return [view.status, participant.calls.map(({ mood }) => mood)];
};

describe('disturbing every call', () => {
  test('of a saga of every kind of node changes nothing about what remains', async () => {
    const started = performance.now();
    const report = await disturbEverywhere({
      scenario: (ledger: LedgerClient) => ({
        definition: referenceSaga<InMemoryTransaction>({
          apply: (key) => ledger.apply(key, () => `answer to ${key}`),
          applyIn: (tx, key) => tx.onCommit(() => void ledger.apply(key)),
          together: togetherInMemory((key) => ledger.apply(key)),
        }),
        input: { items: 2 },
      }),
      tell: (engine: SagaEngine<InMemoryTransaction>, sagaId) =>
        engine.signal(sagaId, approval, { by: 'Ann' }, { messageId: 'approved' }).catch(() => {}),
      check: ({ sagaId }) => halfTogether(sagaId),
    });
    const took = Math.round(performance.now() - started);
    console.log(`disturb everywhere: ${report.calls} calls, ${report.runs} runs in ${took} ms`);
    expect(report.violations).toEqual([]);
    expect(report.calls).toBeGreaterThan(100);
    expect(report.runs).toBeGreaterThan(report.calls * 3);
  }, 120_000);

  test('says of a saga that does not end by itself that it does not', async () => {
    const { violations } = await disturbEverywhere({
      scenario: () => ({
        definition: saga<null>('broken')
          .step('it', {
            execute: () => {
              throw new TypeError('x is not a function');
            },
            retry: simpleRetry({ maxAttempts: 1 }),
          })
          .build(),
        input: null,
      }),
    });
    expect(violations).toContainEqual({
      rule: 'what nobody disturbs needs no person',
      detail: 'the saga is failed',
      refusing: null,
      call: null,
      disturbance: null,
    });
  });

  test('finds nothing wrong with a participant that honours keys and their undoing', async () => {
    expect((await disturbed(honest)).violations).toEqual([]);
  });

  test('finds a participant that counts what is repeated', async () => {
    const { violations } = await disturbed(counting);
    const forwards = violations.filter(({ refusing }) => refusing === null);
    expect(new Set(forwards.map(({ disturbance }) => disturbance))).toEqual(
      new Set(['twice', 'lost', 'late', 'overtaken']),
    );
    // It counts also the undo of what it never did.
    expect(violations).toContainEqual(
      expect.objectContaining({ refusing: 'book', call: null, disturbance: null }),
    );
    expect(forwards[0]).toMatchObject({
      rule: 'the check of the scenario',
      call: '/book/do',
      detail: '2 seats are booked and the saga is completed',
    });
  });

  test('finds a participant that does what was undone before', async () => {
    const { violations } = await disturbed(forgetful);
    expect(violations).toMatchObject([
      { refusing: 'pay', call: '/book/do', disturbance: 'overtaken' },
    ]);
  });
});

describe('a fake participant', () => {
  test.each([
    [['works'], 'completed'],
    [['fails', 'works'], 'completed'],
    [['works-and-fails', 'works'], 'completed'],
    [['hangs', 'works'], 'completed'],
    [['works-and-hangs', 'works'], 'completed'],
    [['refuses', 'works'], 'compensated'],
    [['fails', 'fails', 'hangs', 'works'], 'compensated'],
  ] as const)('is in the moods that it is told, one call each: %j', async (moods, status) => {
    const participant = new FakeParticipant().next(...moods);
    expect(await settled(participant)).toEqual([status, moods]);
  });

  test('has an effect once a key, whatever its mood', async () => {
    const participant = new FakeParticipant().next('works-and-fails', 'works-and-hangs');
    let effects = 0;
    const call = (signal?: AbortSignal): Promise<number> =>
      participant.apply('s/it/do', () => (effects += 1), signal);
    await expect(call()).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(call(AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    expect([await call(), await call(), effects]).toEqual([1, 1, 1]);
    participant.mood = 'refuses';
    await expect(call()).rejects.toThrow('The participant says no.');
  });
});
