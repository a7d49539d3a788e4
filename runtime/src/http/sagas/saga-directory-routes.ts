import type { SagaFilter } from '../../sagas/saga-directory.ts';
import type { SagaEngine } from '../../sagas/saga-engine.ts';
import type { SagaStatus } from '../../sagas/saga-event.ts';
import type { BulkOutcome, SagaAction } from '../../sagas/saga-operations.ts';
import type { HttpService } from '../http-service.ts';
import type { FieldError } from '../problems/problem.ts';
import { ValidationError } from '../problems/validation-error.ts';
import { parseInstant } from '../requests/instants.ts';
import {
  type BULK_ACTIONS,
  bulkBody,
  bulkSchema,
  directoryQuery,
  directorySchema,
} from './saga-directory-schemas.ts';
import { plainJson } from './saga-json.ts';
import {
  checkedSignal,
  operatorHeaders,
  operatorOf,
  type SagaOperationOptions,
  toldBy,
} from './saga-operation-routes.ts';

const tags = ['sagas'];
const PROBLEM = { $ref: 'Problem#' };

/** A filter as its schema has left it. */
interface FilterParameters {
  readonly status?: readonly SagaStatus[];
  readonly paused?: boolean;
  readonly definition?: string;
  readonly version?: number;
  readonly step?: string;
  readonly correlationId?: string;
  readonly startedAfter?: string;
  readonly startedBefore?: string;
}

interface BulkRequest {
  readonly action: (typeof BULK_ACTIONS)[number];
  readonly filter: FilterParameters;
  readonly step?: string;
  readonly result?: unknown;
  readonly input?: unknown;
  readonly merge?: boolean;
  readonly force?: boolean;
  readonly signal?: string;
  readonly value?: unknown;
  readonly reason?: string;
  readonly limit?: number;
  readonly after?: string;
}

/** `GET …/sagas`: finds sagas by what the store keeps of them, where no read model answers. */
export function sagaListRoute<Tx>(
  { app }: Pick<HttpService<Tx>, 'app'>,
  engine: Pick<SagaEngine, 'list'>,
  prefix: string,
): void {
  app.get(
    prefix,
    {
      schema: {
        tags,
        summary: 'Sagas, by what they have in common, in the order of their ids.',
        querystring: directoryQuery,
        response: { 200: directorySchema, 422: PROBLEM },
      },
    },
    async (request, reply) => {
      const query = request.query as FilterParameters & Pick<BulkRequest, 'limit' | 'after'>;
      const { limit = 50, after } = query;
      const page = { limit, ...(after !== undefined && { after }) };
      const sagas = await engine.list(filterOf(query, 'query', ''), page);
      const next = sagas.length === limit ? (sagas.at(-1)?.sagaId ?? null) : null;
      return reply.send(plainJson({ sagas, next }));
    },
  );
}

/** `POST …/sagas/bulk`: does one thing to all sagas that a filter finds, so many a request. */
export function sagaBulkRoute<Tx>(
  service: Pick<HttpService<Tx>, 'app' | 'command'>,
  engine: Pick<SagaEngine, 'bulk'>,
  options: SagaOperationOptions,
): void {
  const { prefix = '/api/v1/sagas', by = operatorOf } = options;
  service.app.post(
    `${prefix}/bulk`,
    {
      schema: {
        tags,
        summary: 'Do one thing to all sagas that a filter finds, and say what became of each.',
        description:
          'Each saga takes it or refuses it by itself. When there may be more, `next` says where to go on: send the same with ' +
          '`after`. The same Idempotency-Key is heard once by each saga.',
        headers: operatorHeaders,
        body: bulkBody,
        response: { 200: bulkSchema, 422: PROBLEM },
      },
    },
    service.command(async ({ request }) => {
      const body = request.body as BulkRequest;
      const { limit = 100, after } = body;
      const told = toldBy(request, 'bulk', { reason: body.reason }, by);
      const action = actionOf(body, options);
      const outcomes: BulkOutcome[] = [];
      for await (const outcome of engine.bulk(filterOf(body.filter, 'body', '/filter'), action, {
        ...told,
        limit,
        ...(after !== undefined && { after }),
      })) {
        outcomes.push(outcome);
      }
      const accepted = outcomes.filter(({ outcome }) => outcome === 'accepted').length;
      return {
        accepted,
        refused: outcomes.length - accepted,
        outcomes: outcomes.map((one) => plainJson(one)),
        next: outcomes.length === limit ? (outcomes.at(-1)?.sagaId ?? null) : null,
      };
    }),
  );
}

function filterOf(
  parameters: FilterParameters,
  place: FieldError['in'],
  at: string,
): Omit<SagaFilter, 'unknownTo'> {
  const { status, paused, definition, version, step, correlationId } = parameters;
  const startedFrom = parseInstant(parameters.startedAfter, {
    in: place,
    path: `${at}/startedAfter`,
  });
  const startedBefore = parseInstant(parameters.startedBefore, {
    in: place,
    path: `${at}/startedBefore`,
  });
  return {
    ...(status !== undefined && { status }),
    ...(paused !== undefined && { paused }),
    ...(definition !== undefined && { definition }),
    ...(version !== undefined && { definitionVersion: version }),
    ...(step !== undefined && { currentStep: step }),
    ...(correlationId !== undefined && { correlationId }),
    ...(startedFrom !== undefined && { startedFrom }),
    ...(startedBefore !== undefined && { startedBefore }),
  };
}

/** @throws ValidationError when what the action needs is missing. */
function actionOf(body: BulkRequest, { signals = [] }: SagaOperationOptions): SagaAction {
  const { action: kind } = body;
  switch (kind) {
    case 'cancel':
    case 'pause':
    case 'resume':
      return { kind };
    case 'rewind':
      return { kind, step: needed(body, 'step') };
    case 'skip':
      return { kind, step: needed(body, 'step'), result: body.result };
    case 'edit':
      needed(body, 'input');
      return { kind, input: body.input, merge: body.merge === true };
    case 'undo':
      return { kind, force: body.force === true };
    case 'signal': {
      const name = needed(body, 'signal');
      const { parse } = checkedSignal(signals, name, body.value);
      return { kind, name, value: parse(body.value) };
    }
  }
}

function needed<Name extends 'step' | 'signal' | 'input'>(
  body: BulkRequest,
  name: Name,
): Exclude<BulkRequest[Name], undefined> {
  const value = body[name];
  if (value === undefined) {
    throw new ValidationError([
      { in: 'body', path: `/${name}`, message: `is required to ${body.action} sagas` },
    ]);
  }
  return value as Exclude<BulkRequest[Name], undefined>;
}
