import type { HttpApp } from '../http-app.ts';
import { parseEntityTags } from './entity-tags.ts';

/**
 * A reader who has the version that a route answers with (`If-None-Match`) gets 304 and no body. Routes only set their
 * `ETag`. A malformed header is no reason to refuse a read: it matches nothing.
 */
export function answerNotModified(app: HttpApp): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const known = request.headers['if-none-match'];
    const etag = reply.getHeader('etag');
    if (known === undefined || typeof etag !== 'string' || reply.statusCode !== 200) return payload;
    if (request.method !== 'GET' && request.method !== 'HEAD') return payload;
    if (!matches(known, etag)) return payload;
    reply.code(304).removeHeader('content-type');
    reply.removeHeader('content-length');
    return null;
  });
}

/** Weak comparison, as RFC 9110 asks for in 13.1.2. */
function matches(header: string, etag: string): boolean {
  try {
    const known = parseEntityTags(header, 'if-none-match');
    return (
      known.kind === 'any' || known.tags.some((tag) => `"${tag.value}"` === etag.replace('W/', ''))
    );
  } catch {
    return false;
  }
}
