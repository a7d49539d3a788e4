import type { FastifyRequest, FastifySchema, RouteOptions } from 'fastify';
import { isPotterError, PotterError } from '../../errors/potter-error.ts';
import { isRejection } from '../../errors/rejection.ts';
import { exponentialBackoff, nextDelayMs } from '../../foundation/backoff.ts';
import { sleep } from '../../foundation/sleep.ts';
import type { Tracer } from '../../observability/tracer.ts';
import { PROBLEM_MEDIA_TYPE } from '../problems/problem.ts';
import { problemOf } from '../problems/problem-of.ts';
import type { RouteBody, RouteHandler, RouteReply, RouteRequest } from '../route-types.ts';
import { requestMetadata, type RequestMetadata } from '../requests/correlation.ts';
import { captureResponse, clearAnswer, replay } from './captured-response.ts';
import type { IdempotencyStore, RememberedResponse, RequestSubject } from './idempotency-store.ts';
import { requestIdentity } from './request-identity.ts';

/** What to hand to every write of a command: it fits the options of repositories, event stores and saga engines. */
export interface CommandWrite<Tx> {
  readonly metadata: RequestMetadata;
  /** There when the request has an `Idempotency-Key`: the transaction that will also remember the answer. */
  readonly transaction?: Tx;
}

/** What the handler of a command gets. */
export interface CommandContext<Schema extends FastifySchema, Tx> {
  readonly request: RouteRequest<Schema>;
  /** For the status and headers of the answer. The body is what the handler returns; it never calls `send`. */
  readonly reply: RouteReply<Schema>;
  readonly write: CommandWrite<Tx>;
}

/** Makes the handler of a request that changes state; see {@link commandFactory}. */
export type CommandFactory<Tx> = <Schema extends FastifySchema>(
  handler: (context: CommandContext<Schema, Tx>) => Promise<RouteBody<Schema>>,
) => RouteHandler<Schema>;

const commands = new WeakSet<object>();

/** Whether a route's handler was made by a command factory: it takes an `Idempotency-Key`. */
export function isCommand(route: Pick<RouteOptions, 'handler'>): boolean {
  return commands.has(route.handler);
}

/** Moves a mark to a handler that wraps another. */
export function keepCommand(from: object, to: object): void {
  if (commands.has(from)) commands.add(to);
}

/** A race for the same stream inside a transaction cannot be retried there: the whole unit is. */
const RACE_RETRY = exponentialBackoff({ maxAttempts: 20, initialDelay: 2, maxDelay: 100 });

/**
 * Handlers for requests that change state. With an `Idempotency-Key` the handler runs in a transaction that also
 * remembers its answer, and the same request gets the same answer again, marked `Idempotency-Replayed: true`.
 * Remembered are answers of the handler and refusals by the domain (Rejection), whose effects are undone. Not
 * remembered: requests that break the schema, failed preconditions, lost races, outages: nothing was done, so the
 * same key may be sent again. A handler may be run again when its transaction was rolled back, and what it wrote by it is
 * undone then; several requests about one address may share a transaction. Without the header the handler runs without a transaction of its own.
 */
export function commandFactory<Tx>(options: {
  readonly store: IdempotencyStore<Tx> | undefined;
  readonly tracer: Tracer;
  readonly scopeOf: (request: FastifyRequest) => string;
  readonly translateError: (error: unknown) => unknown;
}): CommandFactory<Tx> {
  const { store, tracer, scopeOf, translateError } = options;
  return <Schema extends FastifySchema>(
    handler: (context: CommandContext<Schema, Tx>) => Promise<RouteBody<Schema>>,
  ) => {
    if (store === undefined) throw noStore();
    const command = async (
      request: RouteRequest<Schema>,
      reply: RouteReply<Schema>,
    ): Promise<unknown> => {
      const metadata = requestMetadata(request, tracer);
      const identity = requestIdentity(request, scopeOf(request));
      if (identity === undefined) return handler({ request, reply, write: { metadata } });
      const headersBefore = new Set(Object.keys(reply.getHeaders()));
      const work = async (transaction: Tx): Promise<RememberedResponse> => {
        clearAnswer(reply, headersBefore);
        const write = transaction === undefined ? { metadata } : { metadata, transaction };
        const body = await handler({ request, reply, write });
        return captureResponse(reply, body, headersBefore);
      };
      const refusal = (error: unknown): RememberedResponse | undefined =>
        refusalToRemember(translateError(error), request);
      const subject = subjectOf(request);
      const outcome = await retryRaces(request, () =>
        store.once(identity, work, { refusal, subject }),
      );
      clearAnswer(reply, headersBefore);
      return replay(reply, outcome);
    };
    commands.add(command);
    // Fastify takes a reply that was sent for the result of any handler; its type has no word for that.
    return command as RouteHandler<Schema>;
  };
}

/** What is asked of a request whatever its schema. */
type RequestFacts = Pick<FastifyRequest, 'id' | 'headers'>;

function subjectOf({
  method,
  routeOptions,
  url,
}: Pick<FastifyRequest, 'method' | 'routeOptions' | 'url'>): RequestSubject {
  const route = `${method} ${routeOptions.url ?? ''}`;
  return { route, resource: url.split('?', 1)[0] ?? url };
}

function refusalToRemember(error: unknown, request: RequestFacts): RememberedResponse | undefined {
  if (!isRejection(error)) return undefined;
  const { problem } = problemOf(error, { correlationId: request.id });
  return {
    status: problem.status,
    headers: { 'content-type': PROBLEM_MEDIA_TYPE },
    body: JSON.stringify(problem),
  };
}

/** With If-Match the sender asked for exactly one version: a lost race is then the answer, not a reason to try again. */
async function retryRaces<T>(request: RequestFacts, attempt: () => Promise<T>): Promise<T> {
  for (let made = 1; ; made += 1) {
    try {
      return await attempt();
    } catch (error) {
      const race = isPotterError(error, 'CONCURRENCY_CONFLICT');
      const delayMs = nextDelayMs(RACE_RETRY, { attempt: made, elapsedMs: 0 });
      if (!race || delayMs === undefined || request.headers['if-match'] !== undefined) throw error;
      await sleep(delayMs);
    }
  }
}

function noStore(): PotterError {
  return new PotterError('INVALID_ARGUMENT', {
    message: 'This service has no place to remember Idempotency-Keys.',
    remedy: 'Pass `idempotency` to createHttpService.',
  });
}
