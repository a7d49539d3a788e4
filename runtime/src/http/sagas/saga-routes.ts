import { Type } from 'typebox';
import type { FastifyRequest } from 'fastify';
import type { JournalEntry } from '../../sagas/saga-event.ts';
import type { SagaEngine } from '../../sagas/saga-engine.ts';
import { isSettled } from '../../sagas/saga-status.ts';
import type { HttpService } from '../http-service.ts';
import { sendEvents, type ServerSentEvent } from '../streams/server-sent-events.ts';
import { sagaBulkRoute, sagaListRoute } from './saga-directory-routes.ts';
import { plainJson } from './saga-json.ts';
import {
  type SagaOperationOptions,
  sagaOperationRoutes,
  type SagaTeller,
} from './saga-operation-routes.ts';
import { historySchema, sagaParams, sagaSchema } from './saga-schemas.ts';

/** What the routes use of an engine: reading and telling, not running. */
export type SagaReader = Pick<
  SagaEngine,
  'get' | 'history' | 'events' | 'diagram' | 'list' | 'bulk'
> &
  SagaTeller;

/** Options of {@link sagaRoutes}. */
export interface SagaRoutesOptions extends SagaOperationOptions {
  /** Default `/api/v1/sagas`. */
  readonly prefix?: string;
  /**
   * Where state and history of a saga are read: a query handler on read models, whose `sagaQueryRoutes` list sagas. Default: the
   * engine, which lists them too.
   */
  readonly views?: Pick<SagaReader, 'get' | 'history'>;
}

const DIAGRAM_TYPES = {
  mermaid: 'text/vnd.mermaid',
  svg: 'image/svg+xml',
  html: 'text/html',
} as const;

const tags = ['sagas'];
const PROBLEM = { $ref: 'Problem#' };

/**
 * The endpoints every saga service has: lists, and below `/api/v1/sagas/{id}` state, history, live events, diagram; and what a
 * person can do about one saga, or about all that a filter finds. The service needs `idempotency`, for an operation is repeatable by its `Idempotency-Key`.
 */
export function sagaRoutes<Tx>(
  service: Pick<HttpService<Tx>, 'app' | 'command' | 'stopping'>,
  engine: SagaReader,
  options: SagaRoutesOptions = {},
): void {
  const { app } = service;
  const { prefix = '/api/v1/sagas', views = engine } = options;
  const saga = `${prefix}/:id`;

  app.get(
    saga,
    {
      schema: {
        tags,
        summary: 'A saga as it is now.',
        params: sagaParams,
        response: { 200: sagaSchema, 404: PROBLEM },
      },
    },
    async (request, reply) => reply.send(plainJson(await views.get(idOf(request)))),
  );

  app.get(
    `${saga}/history`,
    {
      schema: {
        tags,
        summary: 'Every attempt of every step, in the order it happened.',
        params: sagaParams,
        response: { 200: historySchema, 404: PROBLEM },
      },
    },
    async (request, reply) => reply.send(plainJson(await views.history(idOf(request)))),
  );

  app.get(
    `${saga}/diagram`,
    {
      schema: {
        tags,
        summary: 'The definition drawn, with the path of this saga marked.',
        description:
          'Mermaid, an SVG image, or a page that shows the saga with its history and follows it live.',
        params: sagaParams,
        querystring: Type.Object({
          format: Type.Optional(Type.Enum(Object.keys(DIAGRAM_TYPES), { default: 'mermaid' })),
        }),
        produces: Object.values(DIAGRAM_TYPES),
        response: { 200: Type.String(), 404: PROBLEM, 409: PROBLEM, 422: PROBLEM },
      },
    },
    async (request, reply) => {
      const { format = 'mermaid' } = request.query as {
        readonly format?: keyof typeof DIAGRAM_TYPES;
      };
      // Beside this one, wherever the service is mounted.
      const text = await engine.diagram(idOf(request), { format, eventsUrl: 'events' });
      return reply.type(`${DIAGRAM_TYPES[format]}; charset=utf-8`).serializer(String).send(text);
    },
  );

  app.get(
    `${saga}/events`,
    {
      schema: {
        tags,
        summary: 'What happens to a saga, live, as server-sent events; ends when the saga does.',
        description:
          'The id of an event is its place in the journal, its name the kind of event. Goes on after Last-Event-ID. ' +
          '204 when the saga is over and the reader has all of it, so that browsers stop asking.',
        params: sagaParams,
        headers: Type.Object({ 'last-event-id': Type.Optional(Type.String()) }),
        produces: ['text/event-stream'],
        response: { 200: Type.String(), 204: Type.Null(), 404: PROBLEM },
      },
    },
    async (request, reply) => {
      const id = idOf(request);
      const after = placeOf(request.headers['last-event-id']);
      const { status, unheard = false } = await engine.get(id);
      const isOver = isSettled(status) && !unheard;
      if (isOver && after > 0n && (await isAtEnd(engine, id, after, service.stopping))) {
        return reply.code(204).send(null);
      }
      return sendEvents(service, request, reply, ({ signal }) =>
        toServerSent(engine.events(id, { after, signal })),
      );
    },
  );

  if (options.views === undefined) sagaListRoute(service, engine, prefix);
  sagaOperationRoutes(service, engine, options);
  sagaBulkRoute(service, engine, options);
}

function idOf(request: Pick<FastifyRequest, 'params'>): string {
  return (request.params as { readonly id: string }).id;
}

/** Readers send back what they were sent; anything else means from the beginning. */
function placeOf(lastEventId: string | string[] | undefined): bigint {
  return typeof lastEventId === 'string' && /^\d{1,18}$/.test(lastEventId)
    ? BigInt(lastEventId)
    : 0n;
}

async function isAtEnd(
  engine: SagaReader,
  id: string,
  after: bigint,
  signal: AbortSignal,
): Promise<boolean> {
  const iterator = engine.events(id, { after, signal })[Symbol.asyncIterator]();
  const { done = false } = await iterator.next();
  await iterator.return?.();
  return done;
}

async function* toServerSent(
  entries: AsyncIterable<JournalEntry>,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  for await (const { seq, event } of entries) {
    yield {
      id: seq.toString(),
      event: event.type,
      data: plainJson({ seq: Number(seq), ...event }),
    };
  }
}
