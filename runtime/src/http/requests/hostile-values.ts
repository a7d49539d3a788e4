import type { FieldError, RequestPart } from '../problems/problem.ts';
import { pointer } from './json-pointer.ts';

/** JSON nested deeper than this is refused: no honest request is, and recursive code would run out of stack. */
export const MAX_DEPTH = 64;

/** More errors than this help nobody. */
export const MAX_ERRORS = 100;

/** U+0000 cannot be stored as PostgreSQL text, half of a surrogate pair not as JSON or UTF-8. */
// oxlint-disable-next-line no-control-regex -- the control character is what is looked for
const UNSTORABLE = /[\u0000\p{Surrogate}]/u;

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly depth: number;
}

/**
 * What no schema says, but no store could keep: unstorable characters in text and in names, numbers that JSON's
 * readers disagree about, nesting without end. Walks without recursion.
 */
export function hostileValues(root: unknown, part: RequestPart): readonly FieldError[] {
  const errors: FieldError[] = [];
  const places: Place[] = [{ value: root, path: '', depth: 0 }];
  for (let place = places.pop(); place && errors.length < MAX_ERRORS; place = places.pop()) {
    const { value, path, depth } = place;
    const fault = faultOf(value);
    if (fault !== undefined) errors.push({ in: part, path, message: fault });
    if (value === null || typeof value !== 'object') continue;
    if (depth >= MAX_DEPTH) {
      errors.push({
        in: part,
        path,
        message: `must not be nested deeper than ${MAX_DEPTH} levels`,
      });
      continue;
    }
    for (const [name, child] of Object.entries(value)) {
      if (UNSTORABLE.test(name)) {
        errors.push({
          in: part,
          path,
          message: 'must not have a field name with an unstorable character',
        });
      } else if (child !== null && (typeof child === 'object' || faultOf(child) !== undefined)) {
        places.push({ value: child, path: pointer(path, name), depth: depth + 1 });
      }
    }
  }
  return errors;
}

function faultOf(value: unknown): string | undefined {
  if (typeof value === 'string' && UNSTORABLE.test(value)) {
    return 'must not contain U+0000 or half of a surrogate pair';
  }
  if (typeof value === 'number' && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) {
    return `must be a number between -${Number.MAX_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`;
  }
  return undefined;
}
