import { STATUS_CODES } from 'node:http';
import type { FastifySchema } from 'fastify';
import { isRecord } from '../requests/is-record.ts';

const PROBLEM = { $ref: 'Problem#' };

/** Addresses that answer for the process and not for the domain: they have no problems of their own. */
const OPERATIONS = new Set(['/health', '/ready', '/metrics']);

/** A route's own responses, and the problems that the chassis may answer it with. */
export function documentedResponses(
  schema: FastifySchema,
  route: { readonly command: boolean; readonly url: string },
): Record<string, unknown> {
  const own = isRecord(schema.response) ? schema.response : { 200: { description: 'Done.' } };
  const responses: Record<string, unknown> = {};
  for (const [status, response] of Object.entries(own)) responses[status] = named(status, response);
  if (OPERATIONS.has(route.url)) return responses;
  const takesInput = [schema.body, schema.params, schema.querystring, schema.headers].some(
    (part) => part !== undefined,
  );
  // A body that nobody asked for is read, and refused, all the same.
  const takesBody = schema.body !== undefined || route.command;
  const statuses = [
    ...(takesBody ? [400, 413, 415] : []),
    ...(schema.params === undefined ? [] : [400, 404]),
    ...(route.command ? [409] : []),
    ...(hasIfMatch(schema.headers) ? [412] : []),
    ...(takesInput || route.command ? [422] : []),
    500,
    503,
  ];
  for (const status of statuses) responses[status] ??= problemResponse(String(status));
  return responses;
}

function hasIfMatch(headers: unknown): boolean {
  return (
    isRecord(headers) && isRecord(headers['properties']) && 'if-match' in headers['properties']
  );
}

/** A response schema needs a description in the document; the status is the least one can say. */
function named(status: string, response: unknown): unknown {
  if (!isRecord(response)) return response;
  if (Number(status) >= 400 && '$ref' in response) return problemResponse(status);
  return 'description' in response
    ? response
    : { description: STATUS_CODES[status] ?? 'Answer', ...response };
}

function problemResponse(status: string): unknown {
  return {
    description: STATUS_CODES[status] ?? 'Problem',
    content: { 'application/problem+json': { schema: PROBLEM } },
  };
}
