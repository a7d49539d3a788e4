import type { FastifyRequest } from 'fastify';
import { type TObject, type TOptional, type TString, Type } from 'typebox';
import { PotterError } from '../../errors/potter-error.ts';
import { ValidationError } from '../problems/validation-error.ts';
import { type EntityTag, parseEntityTags } from './entity-tags.ts';

/** Headers are all that is looked at, so that requests of every schema fit. */
export type ConditionalRequest = Pick<FastifyRequest, 'headers'>;

/** Fits the options of repositories and event stores. */
export interface ExpectedByIfMatch {
  readonly expected?: bigint | 'exists';
}

/** Documents `If-Match` on a route: pass it as `headers` of the route's schema. */
export const ifMatchHeaders: TObject<{ 'if-match': TOptional<TString> }> = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      description:
        'The ETag of the version that was read: 412 when it is no longer the current one.',
      examples: ['"7"'],
    }),
  ),
});

/** The largest version a store can hold: a 64-bit integer. */
const LARGEST_VERSION = 2n ** 63n - 1n;

/**
 * The version that a write must find, from `If-Match`: spread it into the options of the write. A stale one is
 * answered with 412 `PRECONDITION_FAILED`, by the write itself, so that nothing can come between check and write.
 * `*` means "whatever it is, it must exist". Weak tags and tags that are no version never match (RFC 9110, 13.1.1).
 * @throws PotterError `PRECONDITION_FAILED` when no tag can match.
 * @throws ValidationError for a malformed header, or one with several versions: a write goes onto one.
 */
export function ifMatch(request: ConditionalRequest): ExpectedByIfMatch {
  const header = request.headers['if-match'];
  if (header === undefined) return {};
  const wanted = parseEntityTags(header, 'if-match');
  if (wanted.kind === 'any') return { expected: 'exists' };
  const [version, ...others] = versionsOf(wanted.tags);
  if (version === undefined) throw stale(header);
  if (others.length > 0) {
    const message = 'must name one version: a write cannot be made onto several';
    throw new ValidationError([{ in: 'header', path: '/if-match', message }]);
  }
  return { expected: version };
}

/**
 * Checks `If-Match` against a version that the caller read; lists are fine here. For writes that take no expected
 * version. What happens between reading and writing is the caller's to exclude.
 * @throws PotterError `PRECONDITION_FAILED`
 */
export function assertIfMatch(request: ConditionalRequest, current: bigint): void {
  const header = request.headers['if-match'];
  if (header === undefined) return;
  const wanted = parseEntityTags(header, 'if-match');
  if (wanted.kind === 'any' || versionsOf(wanted.tags).includes(current)) return;
  throw stale(header);
}

function versionsOf(tags: readonly EntityTag[]): readonly bigint[] {
  const versions = tags
    .filter((tag) => !tag.weak && /^(?:0|[1-9]\d{0,18})$/.test(tag.value))
    .map((tag) => BigInt(tag.value))
    .filter((version) => version <= LARGEST_VERSION);
  return [...new Set(versions)];
}

function stale(header: string): PotterError {
  return new PotterError('PRECONDITION_FAILED', {
    message: `The version that If-Match names (${header}) is not the current one.`,
    remedy: 'Read it again and decide anew.',
  });
}
