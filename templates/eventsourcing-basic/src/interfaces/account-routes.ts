import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DeciderCommand, Loaded } from 'potter-runtime/aggregates';
import { Rejection } from 'potter-runtime/errors';
import type { EventStore } from 'potter-runtime/event-store';
import {
  type CommandWrite,
  etagOf,
  type HttpService,
  ifMatch,
  ifMatchHeaders,
  parseInstant,
  parsePosition,
} from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import type { Static } from 'typebox';
import type { Accounts } from '../application/accounts.ts';
import {
  assertExists,
  type BankAccount,
  type BankAccountEvent,
  close,
  deposit,
  open,
  withdraw,
} from '../domain/bank-account.ts';
import {
  account,
  accountParams,
  amountBody,
  openAccountBody,
  thenQuery,
  toAccount,
} from './account-schemas.ts';
import { eventPage, eventPageQuery, toEventPage } from './event-page.ts';

const ACCOUNTS = '/api/v1/accounts';
const ACCOUNT = `${ACCOUNTS}/:accountNumber`;

/** Accounts over HTTP: every POST is a command for one account, every GET reads one. */
export function accountRoutes(
  { app, command }: HttpService<PostgresTransaction>,
  {
    accounts,
    eventStore,
  }: {
    readonly accounts: Accounts;
    readonly eventStore: EventStore<PostgresTransaction>;
  },
): void {
  app.post(
    ACCOUNTS,
    { schema: { summary: 'Open an account', body: openAccountBody, response: { 201: account } } },
    command(async ({ request, reply, write }) => {
      const { accountNumber, ownerName } = request.body;
      const opened = await accounts.handle(accountNumber, open(accountNumber, ownerName), write);
      reply.code(201).header('location', `${ACCOUNTS}/${accountNumber}`);
      return answer(reply, accountNumber, opened);
    }),
  );

  const change = { params: accountParams, headers: ifMatchHeaders, response: { 200: account } };
  const moneyMove = { ...change, body: amountBody };
  app.post(
    `${ACCOUNT}/deposit`,
    { schema: { summary: 'Deposit money', ...moneyMove } },
    command((context) => handle(context, deposit(context.request.body.amountCents))),
  );
  app.post(
    `${ACCOUNT}/withdraw`,
    { schema: { summary: 'Withdraw money', ...moneyMove } },
    command((context) => handle(context, withdraw(context.request.body.amountCents))),
  );
  app.post(
    `${ACCOUNT}/close`,
    { schema: { summary: 'Close an empty account', ...change } },
    command((context) => handle(context, close())),
  );

  app.get(
    ACCOUNT,
    {
      schema: {
        summary: 'An account, now or then',
        params: accountParams,
        querystring: thenQuery,
        response: { 200: account },
      },
    },
    async ({ params, query }, reply) => {
      const at = parseInstant(query.at, { in: 'query', path: '/at' });
      const version = query.version === undefined ? undefined : BigInt(query.version);
      const then = await accounts.load(params.accountNumber, { version, at });
      if (version !== undefined && at === undefined) assertReached(version, then);
      return answer(reply, params.accountNumber, then);
    },
  );

  app.get(
    `${ACCOUNT}/events`,
    {
      schema: {
        summary: 'What happened to an account',
        params: accountParams,
        querystring: eventPageQuery,
        response: { 200: eventPage },
      },
    },
    async ({ params, query }) => {
      const from = (parsePosition(query.after) ?? 0n) + 1n;
      const stream = accounts.streamOf(params.accountNumber);
      const page = await toEventPage(
        eventStore.readStream(stream, { from, limit: query.limit + 1 }),
        query.limit,
      );
      // An empty page is the end of a stream, or a stream that never was.
      if (page.events.length === 0) assertExists((await accounts.load(params.accountNumber)).state);
      return page;
    },
  );

  async function handle(
    {
      request,
      reply,
      write,
    }: {
      readonly request: Pick<FastifyRequest, 'headers'> & {
        readonly params: { accountNumber: string };
      };
      readonly reply: Pick<FastifyReply, 'header'>;
      readonly write: CommandWrite<PostgresTransaction>;
    },
    decide: DeciderCommand<BankAccount, BankAccountEvent>,
  ): Promise<Static<typeof account>> {
    const { accountNumber } = request.params;
    const changed = await accounts.handle(accountNumber, decide, { ...write, ...ifMatch(request) });
    return answer(reply, accountNumber, changed);
  }
}

function answer(
  reply: Pick<FastifyReply, 'header'>,
  accountNumber: string,
  found: Pick<Loaded<BankAccount>, 'state' | 'version'>,
): Static<typeof account> {
  const body = toAccount(accountNumber, found);
  reply.header('etag', etagOf(found.version));
  return body;
}

/** A shorter stream gives what it has; the caller asked for more. */
function assertReached(version: bigint, then: Loaded<BankAccount>): void {
  assertExists(then.state);
  if (then.version >= version) return;
  throw new Rejection('VERSION_NOT_FOUND', `The account is at version ${then.version}.`, {
    kind: 'not-found',
  });
}
