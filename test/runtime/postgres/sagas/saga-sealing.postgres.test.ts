import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { noRetry } from 'potter-runtime/foundation';
import {
  PostgresSagaFeed,
  PostgresSagaStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import {
  createSagaEngine,
  type PayloadCodec,
  saga,
  sealedSagaFeed,
  sealedSagaStore,
  signal,
} from 'potter-runtime/sagas';
import { sagaStoreContract } from 'potter-runtime/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

const key = randomBytes(32);

/** AES-256-GCM, as a service would do it. */
const payloadCodec: PayloadCodec = {
  encode: (text) => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv);
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
  },
  decode: (text) => {
    const bytes = Buffer.from(text, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
  },
};

let database: TestDatabase;
let plain: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  plain = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await plain.close();
  await database.close();
});

const approval = signal<string>('approval');
let broken = true;

const definition = saga<{ readonly card: string }, PostgresTransaction>('sealed', {
  snapshotEvery: 2,
})
  .step('charge', { execute: ({ input }) => `receipt for ${input.card}`, compensate: () => {} })
  .waitFor('approved', approval)
  .step('ship', {
    execute: ({ results, input }) => {
      if (broken) throw new TypeError('bug');
      return `${results.charge} by ${results.approved} to ${input.card}`;
    },
    retry: noRetry,
  })
  .build();

async function everythingStored(): Promise<string> {
  const tables = ['sagas', 'saga_journal', 'saga_snapshots', 'saga_inbox'];
  const texts = await Promise.all(
    tables.map(async (name) => {
      const { rows } = await database.pool.query<{ all: string | null }>(
        `SELECT string_agg(t::text, ' ') AS all FROM potter.${name} t`,
      );
      return rows[0]?.all ?? '';
    }),
  );
  expect(texts.every((text) => text.length > 0)).toBe(true);
  return texts.join(' ');
}

test('no input, result, signal or skip reaches a table as it is, and all of them are read back by another process', async () => {
  const store = sealedSagaStore(plain, { payloadCodec });
  const first = createSagaEngine({ store, definitions: [definition], lease: 2_000, poll: 50 });
  await first.run();
  const { sagaId } = await first.start(definition, { card: 'SECRET-4111' });
  await first.signal(sagaId, approval, 'SECRET-Ann');
  expect((await first.settled(sagaId)).status).toBe('failed');
  await first.edit(sagaId, { card: 'SECRET-5500' });
  await expect.poll(async () => (await first.get(sagaId)).input).toEqual({ card: 'SECRET-5500' });
  await first.stop();
  broken = false;
  await using second = createSagaEngine({
    store,
    definitions: [definition],
    lease: 2_000,
    poll: 50,
  });
  await second.run();
  await second.resume(sagaId);
  await expect.poll(async () => (await second.get(sagaId)).status).toBe('completed');
  expect((await second.get(sagaId)).results).toEqual({
    charge: 'receipt for SECRET-4111',
    approved: 'SECRET-Ann',
    ship: 'receipt for SECRET-4111 by SECRET-Ann to SECRET-5500',
  });
  const stored = await everythingStored();
  expect(stored).toContain(sagaId);
  expect(stored).not.toContain('SECRET');
});

test('a feed of it is opened too, and what was stored before there was a codec is read as it is', async () => {
  await using engine = createSagaEngine({ store: plain, definitions: [definition] });
  const { sagaId } = await engine.start(definition, { card: 'in the open' });
  const sealed = createSagaEngine({
    store: sealedSagaStore(plain, { payloadCodec }),
    definitions: [definition],
  });
  expect((await sealed.get(sagaId)).input).toEqual({ card: 'in the open' });
  const feed = sealedSagaFeed(new PostgresSagaFeed({ pool: database.pool }), { payloadCodec });
  const inputs: unknown[] = [];
  for await (const { items, caughtUp } of feed.subscribe()) {
    for (const { event } of items.flatMap(({ entries }) => entries)) {
      if (event.type === 'SagaStarted') inputs.push(event.input);
    }
    if (caughtUp) break;
  }
  expect(inputs).toEqual([{ card: 'SECRET-4111' }, { card: 'in the open' }]);
});

test('a payload that cannot be opened says what is missing', async () => {
  const wrong = { ...payloadCodec, decode: () => JSON.parse('') as string };
  const engine = createSagaEngine({
    store: sealedSagaStore(plain, { payloadCodec: wrong }),
    definitions: [definition],
  });
  const [first] = await plain.list({ status: ['completed'] }, { limit: 1 });
  await expect(engine.get(first?.sagaId ?? '')).rejects.toMatchObject({
    code: 'SERIALIZATION_FAILED',
  });
});

test.each(
  sagaStoreContract<PostgresTransaction>(() => ({
    store: sealedSagaStore(plain, { payloadCodec }),
    expire: async (workerId) => {
      await database.pool.query({
        text: `UPDATE potter.saga_workers SET expires_at = now() - interval '1 second' WHERE worker_id = $1`,
        values: [workerId],
      });
    },
  })),
)('keeps the rule: $name', async ({ run }) => {
  await expect(run()).resolves.toBeUndefined();
});
