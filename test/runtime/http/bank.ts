import { Rejection } from 'potter-runtime/errors';
import {
  afterPosition,
  createHttpService,
  etagOf,
  type HttpService,
  type HttpServiceOptions,
  ifMatch,
  ifMatchHeaders,
  InMemoryIdempotencyStore,
  instant,
  pageLimit,
  parseInstant,
  parsePosition,
} from 'potter-runtime/http';
import { Type } from 'typebox';

/** What handlers saw, for tests to look at. */
export interface BankLog {
  readonly writes: { readonly correlationId: string; readonly expected: unknown }[];
}

/** A service with a route of each kind, small enough to know by heart. */
export async function bank(
  options: Partial<HttpServiceOptions<never>> = {},
): Promise<HttpService & { readonly log: BankLog }> {
  const service = await createHttpService({
    name: 'bank',
    version: '1.2.3',
    idempotency: new InMemoryIdempotencyStore(),
    ...options,
  });
  const { app, command } = service;
  const log: BankLog = { writes: [] };
  const balances = new Map<string, number>();
  const account = Type.Object({ accountNumber: Type.String({ minLength: 1, maxLength: 64 }) });
  const view = Type.Object({ accountNumber: Type.String(), balanceCents: Type.Integer() });

  app.post(
    '/api/v1/accounts/:accountNumber/deposit',
    {
      schema: {
        summary: 'Puts money on an account',
        params: account,
        body: Type.Object({
          amountCents: Type.Integer({ minimum: 1, examples: [5_000] }),
          note: Type.Optional(Type.String({ maxLength: 100 })),
          lines: Type.Optional(
            Type.Array(Type.Object({ sku: Type.String(), count: Type.Integer() })),
          ),
        }),
        response: { 200: view },
      },
    },
    command(async ({ request, reply, write }) => {
      const { accountNumber } = request.params;
      log.writes.push({
        ...write.metadata,
        ...ifMatch(request),
        expected: ifMatch(request).expected,
      });
      if (request.body.amountCents === 13) {
        throw new Rejection('UNLUCKY', 'No thirteen.', {
          kind: 'conflict',
          details: { amount: 13n },
        });
      }
      const balanceCents = (balances.get(accountNumber) ?? 0) + request.body.amountCents;
      balances.set(accountNumber, balanceCents);
      reply.header('etag', etagOf(BigInt(log.writes.length)));
      return { accountNumber, balanceCents };
    }),
  );
  app.post(
    '/api/v1/accounts/:accountNumber/close',
    { schema: { params: account, headers: ifMatchHeaders, response: { 204: Type.Null() } } },
    command(async ({ request, reply }) => {
      balances.delete(request.params.accountNumber);
      reply.code(204);
      return null;
    }),
  );
  app.get(
    '/api/v1/accounts/:accountNumber',
    {
      schema: {
        params: account,
        querystring: Type.Object({ at: Type.Optional(instant()) }),
        response: { 200: view },
      },
    },
    async (request, reply) => {
      const { accountNumber } = request.params;
      parseInstant(request.query.at, { in: 'query', path: '/at' });
      const balanceCents = balances.get(accountNumber);
      if (balanceCents === undefined) {
        throw new Rejection('ACCOUNT_NOT_FOUND', 'There is no such account.', {
          kind: 'not-found',
        });
      }
      reply.header('etag', etagOf(7n));
      return { accountNumber, balanceCents };
    },
  );
  app.get(
    '/api/v1/events',
    {
      schema: {
        querystring: Type.Object({
          limit: pageLimit({ default: 10 }),
          after: afterPosition,
          type: Type.Optional(Type.Array(Type.String())),
          live: Type.Optional(Type.Boolean()),
        }),
      },
    },
    async (request) => {
      const { limit, type = [], live = false } = request.query;
      return { limit, type, live, after: String(parsePosition(request.query.after) ?? 'start') };
    },
  );
  app.get('/api/v1/defect', async () => {
    throw new Error('the password is hunter2');
  });
  return Object.assign(service, { log });
}
