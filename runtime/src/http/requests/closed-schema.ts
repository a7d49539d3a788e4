import type { FastifySchema } from 'fastify';
import { isRecord } from './is-record.ts';

/** Keywords under which an object's fields may be spread over several schemas; closing one would refuse the others'. */
const COMPOSED = ['allOf', '$ref', 'if', 'patternProperties', 'unevaluatedProperties'];

/** Keywords whose value is a map of schemas. */
const MAPS = new Set([
  'properties',
  '$defs',
  'definitions',
  'patternProperties',
  'dependentSchemas',
]);

/** Keywords whose value is a schema or a list of schemas. `allOf` is left out: see above. */
const SCHEMAS = new Set(['items', 'prefixItems', 'additionalProperties', 'anyOf', 'oneOf']);

/**
 * What a route takes, with every object closed: a field of the body or a parameter of the query that it does not name is
 * refused. A misspelt optional field would otherwise be dropped in silence, and a misspelt filter find everything. An
 * object that says `additionalProperties` itself keeps what it says.
 */
export function closedRequest(schema: FastifySchema): FastifySchema {
  const { body, querystring } = schema;
  return {
    ...schema,
    ...(body === undefined ? {} : { body: closedSchema(body) }),
    ...(querystring === undefined ? {} : { querystring: closedSchema(querystring) }),
  };
}

function closedSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closedSchema);
  if (!isRecord(schema)) return schema;
  const closed: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (MAPS.has(keyword) && isRecord(value)) {
      closed[keyword] = Object.fromEntries(
        Object.entries(value).map(([name, child]) => [name, closedSchema(child)]),
      );
    } else {
      closed[keyword] = SCHEMAS.has(keyword) ? closedSchema(value) : value;
    }
  }
  const open = isRecord(closed['properties']) && !('additionalProperties' in closed);
  if (open && !COMPOSED.some((keyword) => keyword in closed))
    closed['additionalProperties'] = false;
  return closed;
}
