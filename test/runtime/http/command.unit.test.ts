import { PotterError } from 'potter-runtime/errors';
import { createHttpService, InMemoryIdempotencyStore } from 'potter-runtime/http';
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { deferred } from '../../support/deferred.ts';
import { bank } from './bank.ts';

const URL = '/api/v1/accounts/DE-1/deposit';

function post(payload: unknown, headers: Record<string, string> = {}, url = URL): object {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    payload: JSON.stringify(payload),
  };
}

describe('a request with an Idempotency-Key', () => {
  test('has one effect and the same answer each time, byte for byte', async () => {
    await using service = await bank();
    const request = post({ amountCents: 5 }, { 'idempotency-key': 'k-1' });
    const first = await service.app.inject(request);
    const second = await service.app.inject(request);
    expect(service.log.writes).toHaveLength(1);
    expect(second.statusCode).toBe(first.statusCode);
    expect(second.body).toBe(first.body);
    expect(second.headers['etag']).toBe(first.headers['etag']);
    expect(second.headers['content-type']).toBe(first.headers['content-type']);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(second.headers['idempotency-replayed']).toBe('true');
  });

  test('tells the store what it is about: its route, and its address without the query', async () => {
    const subjects: unknown[] = [];
    const store = new InMemoryIdempotencyStore();
    await using service = await bank({
      idempotency: {
        once: (identity, work, options) => {
          subjects.push(options.subject);
          return store.once(identity, work, options);
        },
        sweep: () => store.sweep(),
      },
    });
    await service.app.inject(
      post({ amountCents: 5 }, { 'idempotency-key': 'k-1' }, `${URL}?trace=1`),
    );
    expect(subjects).toEqual([
      { route: 'POST /api/v1/accounts/:accountNumber/deposit', resource: URL },
    ]);
  });

  test('is the same request when fields stand in another order', async () => {
    await using service = await bank();
    const headers = { 'idempotency-key': 'k-1' };
    await service.app.inject(post({ amountCents: 5, note: 'a' }, headers));
    const second = await service.app.inject(post({ note: 'a', amountCents: 5 }, headers));
    expect(second.headers['idempotency-replayed']).toBe('true');
  });

  test.each([
    ['another body', post({ amountCents: 6 }, { 'idempotency-key': 'k-1' })],
    [
      'another address',
      post({ amountCents: 5 }, { 'idempotency-key': 'k-1' }, '/api/v1/accounts/DE-2/deposit'),
    ],
  ])('is refused when the key came with %s before', async (_name, other) => {
    await using service = await bank();
    await service.app.inject(post({ amountCents: 5 }, { 'idempotency-key': 'k-1' }));
    const refused = await service.app.inject(other);
    expect(refused.statusCode).toBe(422);
    expect(refused.json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('gets a refusal of the domain again, too', async () => {
    await using service = await bank();
    const request = post({ amountCents: 13 }, { 'idempotency-key': 'k-1' });
    const first = await service.app.inject(request);
    const second = await service.app.inject(request);
    expect(service.log.writes).toHaveLength(1);
    expect([second.statusCode, second.body]).toEqual([first.statusCode, first.body]);
    expect(second.headers['content-type']).toBe('application/problem+json');
    expect(second.headers['idempotency-replayed']).toBe('true');
  });

  test('may use its key again after a request that broke the schema', async () => {
    await using service = await bank();
    const headers = { 'idempotency-key': 'k-1' };
    expect((await service.app.inject(post({ amountCents: 0 }, headers))).statusCode).toBe(422);
    expect((await service.app.inject(post({ amountCents: 1 }, headers))).statusCode).toBe(200);
  });

  test('gets an answer without a body again', async () => {
    await using service = await bank();
    const url = '/api/v1/accounts/DE-1/close';
    const request = { method: 'POST' as const, url, headers: { 'idempotency-key': 'k-1' } };
    expect((await service.app.inject(request)).statusCode).toBe(204);
    const second = await service.app.inject(request);
    expect([second.statusCode, second.body]).toEqual([204, '']);
    expect(second.headers['idempotency-replayed']).toBe('true');
  });

  test.each(['', 'with blank', 'ümlaut', 'x'.repeat(256)])(
    'is refused for the key %j',
    async (key) => {
      await using service = await bank();
      const answer = await service.app.inject(post({ amountCents: 1 }, { 'idempotency-key': key }));
      expect(answer.statusCode).toBe(422);
      expect(answer.json()).toMatchObject({ errors: [{ in: 'header', path: '/idempotency-key' }] });
      expect(service.log.writes).toHaveLength(0);
    },
  );

  test('keeps keys of different senders apart when the service says whose they are', async () => {
    await using service = await bank({
      idempotencyScope: (request) => String(request.headers['x-user']),
    });
    const ada = post({ amountCents: 1 }, { 'idempotency-key': 'k-1', 'x-user': 'ada' });
    const bob = post({ amountCents: 2 }, { 'idempotency-key': 'k-1', 'x-user': 'bob' });
    await service.app.inject(ada);
    expect((await service.app.inject(bob)).json()).toMatchObject({ balanceCents: 3 });
  });
});

test('requests without a key each have their effect', async () => {
  await using service = await bank();
  await service.app.inject(post({ amountCents: 5 }));
  expect((await service.app.inject(post({ amountCents: 5 }))).json()).toMatchObject({
    balanceCents: 10,
  });
});

test('repeats wait for the first and get its answer', async () => {
  const gate = deferred<undefined>();
  const idempotency = new InMemoryIdempotencyStore();
  await using service = await createHttpService({ name: 'x', version: '1', idempotency });
  let runs = 0;
  service.app.post(
    '/slow',
    { schema: { response: { 201: Type.Object({ run: Type.Integer() }) } } },
    service.command(async ({ reply }) => {
      runs += 1;
      await gate.promise;
      reply.code(201).header('location', '/slow/1');
      return { run: runs };
    }),
  );
  const request = { method: 'POST' as const, url: '/slow', headers: { 'idempotency-key': 'k' } };
  const answers = Array.from({ length: 5 }, () => service.app.inject(request));
  gate.resolve(undefined);
  for (const answer of await Promise.all(answers)) {
    expect([answer.statusCode, answer.body, answer.headers['location']]).toEqual([
      201,
      '{"run":1}',
      '/slow/1',
    ]);
  }
  expect(runs).toBe(1);
});

test('a lost race inside the transaction runs the whole handler again, with a clean answer', async () => {
  const idempotency = new InMemoryIdempotencyStore();
  await using service = await createHttpService({ name: 'x', version: '1', idempotency });
  let runs = 0;
  service.app.post(
    '/race',
    service.command(async ({ reply }) => {
      runs += 1;
      if (runs < 3) {
        reply.code(202).header('x-leftover', '1');
        throw new PotterError('CONCURRENCY_CONFLICT', { message: 'Stream x is at 3.' });
      }
      return { runs };
    }),
  );
  const answer = await service.app.inject({
    method: 'POST',
    url: '/race',
    headers: { 'idempotency-key': 'k' },
  });
  expect([answer.statusCode, answer.json()]).toEqual([200, { runs: 3 }]);
  expect(answer.headers['x-leftover']).toBeUndefined();
});

test('a race that is lost by who sent If-Match is their answer, with a key too: nothing is tried again', async () => {
  const idempotency = new InMemoryIdempotencyStore();
  await using service = await createHttpService({ name: 'x', version: '1', idempotency });
  let runs = 0;
  service.app.post(
    '/race',
    service.command(async () => {
      runs += 1;
      throw new PotterError('CONCURRENCY_CONFLICT', { message: 'Stream x is at 3.' });
    }),
  );
  const headers = { 'idempotency-key': 'k', 'if-match': '"2"' };
  const answer = await service.app.inject({ method: 'POST', url: '/race', headers });
  expect([answer.statusCode, runs]).toEqual([412, 1]);
});

test('an outage is not remembered: the same key does the work later', async () => {
  const idempotency = new InMemoryIdempotencyStore();
  await using service = await createHttpService({ name: 'x', version: '1', idempotency });
  let isDown = true;
  service.app.post(
    '/pay',
    service.command(async () => {
      if (isDown) throw new PotterError('DATABASE_UNAVAILABLE', { message: 'No connection.' });
      return { paid: true };
    }),
  );
  const request = { method: 'POST' as const, url: '/pay', headers: { 'idempotency-key': 'k' } };
  expect((await service.app.inject(request)).statusCode).toBe(503);
  isDown = false;
  const later = await service.app.inject(request);
  expect([later.statusCode, later.headers['idempotency-replayed']]).toEqual([200, undefined]);
});

test('a command that sends its answer itself is a defect that is found at once', async () => {
  const idempotency = new InMemoryIdempotencyStore();
  await using service = await createHttpService({ name: 'x', version: '1', idempotency });
  service.app.post(
    '/wrong',
    service.command(async ({ reply }) => reply.send({ sent: true })),
  );
  const request = { method: 'POST' as const, url: '/wrong', headers: { 'idempotency-key': 'k' } };
  // What was sent cannot be taken back; nothing is remembered, so the next one runs again.
  await service.app.inject(request);
  expect((await service.app.inject(request)).headers['idempotency-replayed']).toBeUndefined();
});

test('a service without a store refuses to make commands', async () => {
  await using service = await createHttpService({ name: 'x', version: '1' });
  expect(() => service.command(async () => ({}))).toThrow(/idempotency/);
});

test('the body of an answer is checked against its schema by the compiler', async () => {
  const idempotency = new InMemoryIdempotencyStore();
  await using service = await createHttpService({ name: 'x', version: '1', idempotency });
  const schema = {
    body: Type.Object({ amountCents: Type.Integer() }),
    response: { 200: Type.Object({ doubled: Type.Integer() }) },
  };
  service.app.post(
    '/right',
    { schema },
    service.command(async ({ request }) => ({ doubled: request.body.amountCents * 2 })),
  );
  service.app.post(
    '/wrong',
    { schema },
    // @ts-expect-error -- `doubled` is a number
    service.command(async () => ({ doubled: 'two' })),
  );
  const answer = await service.app.inject(post({ amountCents: 2 }, {}, '/right'));
  expect(answer.json()).toEqual({ doubled: 4 });
});
