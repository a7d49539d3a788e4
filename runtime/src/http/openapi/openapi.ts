import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifySchema } from 'fastify';
import { closedRequest } from '../requests/closed-schema.ts';
import { isRecord } from '../requests/is-record.ts';
import type { HttpApp } from '../http-app.ts';
import { isCommand } from '../idempotency/command.ts';
import { problemSchema } from '../problems/problem.ts';
import { documentedResponses } from './documented-responses.ts';
import { IDEMPOTENCY_KEY_PARAMETER } from './idempotency-parameter.ts';

/** What the document says about the service as a whole. */
export interface ApiDescription {
  readonly name: string;
  readonly version: string;
  readonly description?: string | undefined;
}

/** `/openapi.json`, made from the schemas of the routes, and `/docs`, which shows it without a network. */
export async function describeApi(app: HttpApp, api: ApiDescription): Promise<void> {
  app.addSchema(problemSchema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: api.name,
        version: api.version,
        ...(api.description === undefined ? {} : { description: api.description }),
      },
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'] : `schema-${index}`,
    },
    transform: ({ schema, url, route }) => ({
      url,
      schema: documented(schema, { command: isCommand(route), url }),
    }),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { docExpansion: 'list', deepLinking: true, validatorUrl: null },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(app.swagger()),
  );
}

/** The schema of a route with what the chassis adds to every route of its kind. */
function documented(
  schema: FastifySchema | undefined,
  route: { readonly command: boolean; readonly url: string },
): FastifySchema {
  const own = closedRequest(schema ?? {});
  const response = documentedResponses(own, route);
  const querystring =
    own.querystring === undefined ? {} : { querystring: optionalDefaults(own.querystring) };
  const headers = route.command ? { headers: withIdempotencyKey(own.headers) } : {};
  return { tags: tagsOf(route.url), ...own, ...querystring, ...headers, response };
}

/** A route that names no tag belongs to what its address begins with: `/api/v1/orders/{id}` to `orders`. */
function tagsOf(url: string): readonly string[] {
  const [, resource] = /^(?:\/api\/v\d+)?\/([^/:{*]+)/.exec(url) ?? [];
  return resource === undefined ? [] : [resource];
}

/** A parameter that has a default need not be sent, although the handler always gets it. */
function optionalDefaults(schema: unknown): unknown {
  if (!isRecord(schema) || !isRecord(schema['properties']) || !Array.isArray(schema['required'])) {
    return schema;
  }
  const { properties } = schema;
  const required = schema['required'].filter((name: string) => {
    const property = properties[name];
    return !(isRecord(property) && 'default' in property);
  });
  return { ...schema, required };
}

function withIdempotencyKey(headers: unknown): unknown {
  const own = (headers ?? { type: 'object', properties: {} }) as { readonly properties?: object };
  return {
    ...own,
    properties: { ...own.properties, 'Idempotency-Key': IDEMPOTENCY_KEY_PARAMETER },
  };
}
