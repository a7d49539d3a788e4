import type { FastifyReply } from 'fastify';
import { PotterError } from '../../errors/potter-error.ts';
import type { IdempotentOutcome, RememberedResponse } from './idempotency-store.ts';
import { REPLAYED_HEADER } from './request-identity.ts';

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

/** Takes back the status and the headers that a handler set, before it is run again or its answer is sent. */
export function clearAnswer(reply: FastifyReply, headersBefore: ReadonlySet<string>): void {
  for (const name of Object.keys(reply.getHeaders())) {
    if (!headersBefore.has(name)) reply.removeHeader(name);
  }
  reply.code(200);
}

/** What a handler answered, as it would go over the wire. */
export function captureResponse(
  reply: FastifyReply,
  body: unknown,
  headersBefore: ReadonlySet<string>,
): RememberedResponse {
  if (reply.sent || body === reply) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: 'The handler of a command sent its answer itself.',
      remedy:
        'Set status and headers on `reply` and return the body, so that it can be remembered.',
    });
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (!headersBefore.has(name) && value !== undefined) headers[name] = String(value);
  }
  if (body === undefined || body === null) return { status: reply.statusCode, headers, body: null };
  if (typeof body === 'string' && 'content-type' in headers) {
    return { status: reply.statusCode, headers, body };
  }
  headers['content-type'] ??= JSON_MEDIA_TYPE;
  return { status: reply.statusCode, headers, body: asText(reply.serialize(body)) };
}

/** Sends an answer, fresh or remembered. */
export function replay(reply: FastifyReply, outcome: IdempotentOutcome): FastifyReply {
  const { response, replayed } = outcome;
  reply.code(response.status).headers(response.headers);
  if (replayed) reply.header(REPLAYED_HEADER, 'true');
  return response.body === null ? reply.send() : reply.serializer(String).send(response.body);
}

function asText(serialized: string | ArrayBuffer | Buffer): string {
  return typeof serialized === 'string'
    ? serialized
    : Buffer.from(serialized as Buffer).toString('utf8');
}
