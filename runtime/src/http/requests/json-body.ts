import type { FastifyRequest } from 'fastify';
import { PotterError } from '../../errors/potter-error.ts';
import type { HttpApp } from '../http-app.ts';
import { isRecord } from './is-record.ts';

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]+)/i;

/** Refuses bytes that are not UTF-8 instead of reading them as something else; drops a byte order mark. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * JSON is the only kind of body. An empty body is no body: whether one is needed is the route's to say. Keys that
 * would reach an object's prototype (`__proto__`, `constructor.prototype`) are refused, although they are JSON.
 */
export function acceptJsonBodies(app: HttpApp): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addHook('onRequest', async ({ headers }, reply) => {
    const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
    if (coding === 'identity' || coding === '') return;
    // RFC 9110, 12.5.3: tells which codings would have been taken.
    reply.header('accept-encoding', 'identity');
    throw new PotterError('UNSUPPORTED_MEDIA_TYPE', {
      message: `The body is said to be compressed (${coding}).`,
      remedy: 'Send it as it is.',
    });
  });
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, bytes: Buffer, done) => {
      let text: string;
      try {
        text = textOf(request.headers['content-type'] ?? '', bytes);
      } catch (error) {
        return done(error as Error);
      }
      if (text.trim() === '') return done(null, undefined);
      void parse(request, text, (error, value) =>
        error === null ? done(null, value) : done(refused(text, error)),
      );
    },
  );
}

/** A route that takes a body and got none: empty text is not JSON. One whose body may be null does without. */
export function requireBody(request: FastifyRequest): void {
  const schema = request.routeOptions.schema?.body;
  if (schema !== undefined && request.body === undefined && !takesNull(schema)) {
    throw malformed('it is empty, and this request needs one');
  }
}

function takesNull(schema: unknown): boolean {
  if (!isRecord(schema)) return false;
  const { anyOf } = schema;
  return Array.isArray(anyOf) && anyOf.some((one) => isRecord(one) && one['type'] === 'null');
}

function textOf(contentType: string, bytes: Buffer): string {
  const charset = CHARSET.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8';
  if (charset !== 'utf-8' && charset !== 'utf8') {
    throw new PotterError('UNSUPPORTED_MEDIA_TYPE', {
      message: `The body is said to be in ${charset}.`,
      remedy: 'Send JSON in UTF-8.',
    });
  }
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw malformed('it is not UTF-8', cause);
  }
}

/** What the parser refuses is not JSON, or has a name that would reach a prototype. */
function refused(text: string, cause: Error): PotterError {
  try {
    JSON.parse(text);
  } catch {
    return malformed('it cannot be parsed', cause);
  }
  return new PotterError('MALFORMED_JSON', {
    message:
      'The body has a field `__proto__` or `constructor.prototype`, which no request may have.',
    remedy: 'Leave the field out, or name it differently.',
    cause,
  });
}

function malformed(reason: string, cause?: unknown): PotterError {
  return new PotterError('MALFORMED_JSON', { message: `The body is not JSON: ${reason}.`, cause });
}
