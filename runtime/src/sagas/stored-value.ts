import { jsonCodec } from '../foundation/json.ts';

/** Deeper values go through the codec, which tells a cycle from depth. */
const DEEPEST_COPY = 32;

/** What {@link copy} answers for values that only the codec knows how to treat. */
const OTHER = Symbol('other');

/** A copy of plain JSON data, made without going through text. */
function copy(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : OTHER;
    case 'object':
      if (value === null) return value;
      return depth > DEEPEST_COPY ? OTHER : copyObject(value, depth);
    case 'bigint':
    case 'function':
    case 'symbol':
      return OTHER;
  }
}

function copyObject(value: object, depth: number): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value) {
      const copied = copy(item, depth + 1);
      if (copied === OTHER) return OTHER;
      // JSON has no undefined; in an array its place is kept.
      items.push(copied === undefined ? null : copied);
    }
    return items;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value) return OTHER;
  const copied: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    // The codec's own marks, and the key that is no key, are left to the codec.
    if (key.startsWith('$') || key === '__proto__') return OTHER;
    const member = copy((value as Record<string, unknown>)[key], depth + 1);
    if (member === OTHER) return OTHER;
    if (member !== undefined) copied[key] = member;
  }
  return copied;
}

/**
 * A value as it will be read back from a store: a copy, reduced to what JSON keeps. A step's result goes through this before
 * the next step sees it, so that a saga behaves the same whether or not it was taken over in between.
 * @throws PotterError `SERIALIZATION_FAILED` when it has no JSON form.
 */
export function asStored(value: unknown): unknown {
  const copied = copy(value, 0);
  return copied === OTHER ? jsonCodec.decode(jsonCodec.encode(value)) : copied;
}
