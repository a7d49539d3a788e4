import type { JsonValue } from '../../foundation/json.ts';
import type { SagaQueryHandler, SagaSort } from '../../sagas/read-models/saga-query-handler.ts';
import type { SagaStatus } from '../../sagas/saga-event.ts';
import type { HttpService } from '../http-service.ts';
import { ValidationError } from '../problems/validation-error.ts';
import { hostileValues } from '../requests/hostile-values.ts';
import { parseInstant } from '../requests/instants.ts';
import { isRecord } from '../requests/is-record.ts';
import { plainJson } from './saga-json.ts';
import { listQuery, listSchema, metricsQuery, metricsSchema } from './saga-query-schemas.ts';

/** Options of {@link sagaQueryRoutes}. */
export interface SagaQueryRoutesOptions {
  /** Default `/api/v1/sagas`. */
  readonly prefix?: string;
}

const tags = ['sagas'];
const PROBLEM = { $ref: 'Problem#' };

/** A query string as its schema has left it. */
interface ListParameters {
  readonly status?: readonly SagaStatus[];
  readonly definition?: string;
  readonly version?: number;
  readonly step?: string;
  readonly correlationId?: string;
  readonly startedAfter?: string;
  readonly startedBefore?: string;
  readonly attributes?: string;
  readonly sort?: SagaSort;
  readonly limit?: number;
  readonly offset?: number;
  readonly cursor?: string;
}

interface MetricsParameters {
  readonly definition?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Questions about many sagas, answered from read models: lists at `/api/v1/sagas`, and how they did at `…/metrics`. */
export function sagaQueryRoutes<Tx>(
  { app }: Pick<HttpService<Tx>, 'app'>,
  queries: Pick<SagaQueryHandler, 'list' | 'metrics'>,
  options: SagaQueryRoutesOptions = {},
): void {
  const prefix = options.prefix ?? '/api/v1/sagas';

  app.get(
    prefix,
    {
      schema: {
        tags,
        summary: 'Sagas, by what they have in common.',
        querystring: listQuery,
        response: { 200: listSchema, 422: PROBLEM },
      },
    },
    async (request, reply) => {
      const { version, startedAfter, startedBefore, attributes, ...rest } =
        request.query as ListParameters;
      if (rest.cursor !== undefined && rest.offset !== undefined) {
        throw refused('/offset', 'must not be given together with a cursor');
      }
      const page = await queries.list({
        ...rest,
        definitionVersion: version,
        startedAfter: parseInstant(startedAfter, { in: 'query', path: '/startedAfter' }),
        startedBefore: parseInstant(startedBefore, { in: 'query', path: '/startedBefore' }),
        attributes: attributes === undefined ? undefined : parseAttributes(attributes),
      });
      return reply.send(plainJson(page));
    },
  );

  app.get(
    `${prefix}/metrics`,
    {
      schema: {
        tags,
        summary: 'How sagas did: states, durations, throughput, steps.',
        querystring: metricsQuery,
        response: { 200: metricsSchema, 422: PROBLEM },
      },
    },
    async (request, reply) => {
      const { definition, from, to } = request.query as MetricsParameters;
      const metrics = await queries.metrics({
        definition,
        from: parseInstant(from, { in: 'query', path: '/from' }),
        to: parseInstant(to, { in: 'query', path: '/to' }),
      });
      return reply.send(plainJson(metrics));
    },
  );
}

/** @throws ValidationError for what is not a JSON object, or what no database could look for. */
function parseAttributes(text: string): { readonly [name: string]: JsonValue } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused('/attributes', 'must be JSON');
  }
  if (!isRecord(value)) throw refused('/attributes', 'must be a JSON object');
  const [fault] = hostileValues(value, 'query');
  if (fault !== undefined) throw refused(`/attributes${fault.path}`, fault.message);
  return value as { readonly [name: string]: JsonValue };
}

function refused(path: string, message: string): ValidationError {
  return new ValidationError([{ in: 'query', path, message }]);
}
