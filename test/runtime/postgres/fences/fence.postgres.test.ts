import { newId } from 'potter-runtime/foundation';
import { fence, fenced, inTransaction, type PostgresTransaction } from 'potter-runtime/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['fences'] });
  await database.pool.query('CREATE TABLE effects (no serial PRIMARY KEY, key text NOT NULL)');
});

afterAll(() => database.close());

type Direction = 'do' | 'undo';

/** A call of a participant, as a saga would make it: one effect and an answer in the participant's transaction. */
function call(step: string, direction: Direction): Promise<unknown> {
  const key = `${step}/${direction}`;
  return inTransaction(database.pool, (tx) =>
    fence(tx, key, async (done) => {
      await tx.query({ text: 'INSERT INTO effects (key) VALUES ($1)', values: [key] });
      return { answered: direction, done };
    }),
  );
}

const inTx = <T>(work: (tx: PostgresTransaction) => Promise<T>): Promise<T> =>
  inTransaction(database.pool, work);

const newStep = (): string => `${newId()}/charge-card`;

async function effectsOf(step: string): Promise<readonly string[]> {
  const { rows } = await database.pool.query<{ key: string }>(
    `SELECT key FROM effects WHERE key LIKE $1 || '%' ORDER BY no`,
    [step],
  );
  return rows.map(({ key }) => key.slice(step.length + 1));
}

const DONE = { answered: 'do' };
const UNDONE = { answered: 'undo', done: DONE };

describe('each order, with duplicates', () => {
  const FENCED = 'FENCED';
  test.each<[readonly Direction[], readonly unknown[], readonly string[]]>([
    [['do', 'do', 'do'], [DONE, DONE, DONE], ['do']],
    [
      ['do', 'undo'],
      [DONE, UNDONE],
      ['do', 'undo'],
    ],
    [
      ['do', 'do', 'undo', 'undo'],
      [DONE, DONE, UNDONE, UNDONE],
      ['do', 'undo'],
    ],
    [['undo', 'do'], [undefined, FENCED], []],
    [['undo', 'undo', 'do', 'do', 'undo'], [undefined, undefined, FENCED, FENCED, undefined], []],
    [
      ['do', 'undo', 'do', 'undo'],
      [DONE, UNDONE, FENCED, UNDONE],
      ['do', 'undo'],
    ],
  ])('%j answers %j and has the effects %j', async (calls, answers, effects) => {
    const step = newStep();
    const given: unknown[] = [];
    for (const direction of calls) {
      given.push(await call(step, direction).catch((error: { code: string }) => error.code));
    }
    expect(given).toEqual(answers);
    expect(await effectsOf(step)).toEqual(effects);
  });
});

test('first arrivals at the same moment, in every mixture, end without deadlock in one of the allowed stories', async () => {
  const stories = new Map<string, number>();
  const round = async (): Promise<void> => {
    const step = newStep();
    const calls: Direction[] = ['do', 'undo', 'do', 'undo'];
    const answers = await Promise.all(
      calls.map((direction) =>
        call(step, direction).then(
          () => 'ok',
          (error: { code: string }) => error.code,
        ),
      ),
    );
    const effects = (await effectsOf(step)).join(' then ');
    expect(['', 'do then undo']).toContain(effects);
    expect(answers[1]).toBe('ok');
    expect(answers[3]).toBe('ok');
    // Where nothing was done, both do's were refused; a do may also be a late copy of one that was undone.
    const allowed = effects === '' ? ['FENCED'] : ['ok', 'FENCED'];
    for (const answer of [answers[0], answers[2]]) expect(allowed).toContain(answer);
    stories.set(effects, (stories.get(effects) ?? 0) + 1);
  };
  for (let n = 0; n < 40; n += 1) await Promise.all(Array.from({ length: 5 }, round));
  expect([...stories.values()].reduce((a, b) => a + b, 0)).toBe(200);
});

test('a call whose transaction rolled back never happened', async () => {
  const step = newStep();
  const boom = new Error('out of stock');
  await expect(
    inTransaction(database.pool, (tx) => fence(tx, `${step}/do`, () => Promise.reject(boom))),
  ).rejects.toBe(boom);
  expect(await call(step, 'undo')).toBeUndefined();
  await expect(call(step, 'do')).rejects.toMatchObject({ code: 'FENCED' });
  expect(await effectsOf(step)).toEqual([]);
});

test('steps do not know of each other', async () => {
  const saga = newId();
  await call(`${saga}/a`, 'undo');
  expect(await call(`${saga}/b`, 'do')).toEqual(DONE);
});

test.each(['', 'do', '/do', 'saga/step', 'saga/step/redo', 'saga/step/do/'])(
  'a key of another form is refused: %j',
  async (key) => {
    await expect(
      inTransaction(database.pool, (tx) => fence(tx, key, async () => 1)),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  },
);

describe('an operation and its undo as a pair', () => {
  interface Charge {
    readonly cents: bigint;
  }
  const charge = fenced<Charge>();

  test('the undo gets what was done, and each answers the same again', async () => {
    const step = newStep();
    for (let time = 0; time < 2; time += 1) {
      const done = await inTx((tx) =>
        charge.do(tx, `${step}/do`, async () => ({ cents: 2n ** 60n + BigInt(time) })),
      );
      expect(done).toEqual({ cents: 2n ** 60n });
    }
    const undos = [1, 2].map((time) =>
      inTx((tx) => charge.undo(tx, `${step}/undo`, async ({ cents }) => [cents, time])),
    );
    expect(await Promise.all(undos)).toEqual([
      [2n ** 60n, expect.any(Number)],
      [2n ** 60n, expect.any(Number)],
    ]);
  });

  test('the undo of what was never done does not work, and bars it', async () => {
    const step = newStep();
    const undone = inTx((tx) => charge.undo(tx, `${step}/undo`, () => expect.unreachable()));
    expect(await undone).toBeUndefined();
    await expect(
      inTx((tx) => charge.do(tx, `${step}/do`, async () => ({ cents: 1n }))),
    ).rejects.toMatchObject({ code: 'FENCED' });
  });

  test('what an older release remembered passes the parser, in a repeated call and in the undo', async () => {
    const step = newStep();
    await inTx((tx) => fenced<number>().do(tx, `${step}/do`, async () => 7));
    const now = fenced((remembered): Charge => ({ cents: BigInt(Number(remembered)) }));
    const again = inTx((tx) => now.do(tx, `${step}/do`, async () => ({ cents: 8n })));
    expect(await again).toEqual({ cents: 7n });
    const undone = inTx((tx) => now.undo(tx, `${step}/undo`, async (done) => done));
    expect(await undone).toEqual({ cents: 7n });
  });

  test('a key of the other direction is refused', async () => {
    // As it comes over a network, where no compiler looks.
    const key = `${newStep()}/undo` as `${string}/do`;
    await expect(
      inTx((tx) => charge.do(tx, key, async () => ({ cents: 1n }))),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
