import { ValidationError } from '../problems/validation-error.ts';

/** What an If-Match or If-None-Match header asks for. */
export type EntityTags =
  | { readonly kind: 'any' }
  | { readonly kind: 'tags'; readonly tags: readonly EntityTag[] };

/** One entity tag of RFC 9110, section 8.8.3. */
export interface EntityTag {
  readonly weak: boolean;
  /** What stands between the quotes. */
  readonly value: string;
}

const TAG = /(W\/)?"([\x21\x23-\x7e\u0080-\u00ff]*)"/y;
const SEPARATOR = /[ \t]*(?:,[ \t]*)+/y;

/** The tag of a version: strong, because equal versions of a stream are equal in every byte that counts. */
export function etagOf(version: bigint): string {
  return `"${version}"`;
}

/**
 * Reads `*`, or a list of strong and weak tags.
 * @throws ValidationError for a header of another form; a version without quotes is the usual mistake.
 */
export function parseEntityTags(header: string, name: 'if-match' | 'if-none-match'): EntityTags {
  const text = header.trim();
  if (text === '*') return { kind: 'any' };
  const tags: EntityTag[] = [];
  let at = 0;
  while (at < text.length) {
    TAG.lastIndex = at;
    const match = TAG.exec(text);
    if (match === null) break;
    tags.push({ weak: match[1] !== undefined, value: match[2] ?? '' });
    at = TAG.lastIndex;
    SEPARATOR.lastIndex = at;
    if (SEPARATOR.test(text)) at = SEPARATOR.lastIndex;
    else break;
  }
  if (tags.length > 0 && at === text.length) return { kind: 'tags', tags };
  throw new ValidationError([
    { in: 'header', path: `/${name}`, message: 'must be * or a list of quoted tags, such as "7"' },
  ]);
}
