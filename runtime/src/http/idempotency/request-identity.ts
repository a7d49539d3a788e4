import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { canonicalJson } from '../../foundation/json.ts';
import { ValidationError } from '../problems/validation-error.ts';
import type { RequestIdentity } from './idempotency-store.ts';

/** The header's name, as Node spells names. */
export const IDEMPOTENCY_HEADER = 'idempotency-key';

/** Marks an answer that was given before. */
export const REPLAYED_HEADER = 'idempotency-replayed';

const KEY_FORM = /^[\x21-\x7e]{1,255}$/;

/**
 * The identity of a request that has an `Idempotency-Key`; undefined for one without.
 * @throws ValidationError when the key is not 1 to 255 visible ASCII characters.
 */
export function requestIdentity(
  request: FastifyRequest,
  scope: string,
): RequestIdentity | undefined {
  const key = request.headers[IDEMPOTENCY_HEADER];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY_FORM.test(key)) {
    const message = 'must be 1 to 255 visible ASCII characters, without blanks';
    throw new ValidationError([{ in: 'header', path: `/${IDEMPOTENCY_HEADER}`, message }]);
  }
  return { key, scope, fingerprint: fingerprint(request) };
}

/** Equal for requests that mean the same: field order and blanks in the body do not count, the address does. */
function fingerprint(request: FastifyRequest): string {
  const hash = createHash('sha256');
  hash.update(`${request.method} ${request.url}\n`);
  if (request.body !== undefined) hash.update(canonicalJson(request.body));
  return hash.digest('hex');
}
