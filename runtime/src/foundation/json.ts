import { PotterError } from '../errors/potter-error.ts';

/** What plain JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** Turns values into JSON text and back; stores use it for payloads. */
export interface JsonCodec {
  /** @throws PotterError `SERIALIZATION_FAILED` for a value JSON cannot carry (a function, a cycle, NaN). */
  encode(value: unknown): string;
  /** @throws PotterError `SERIALIZATION_FAILED` for text that is not JSON. */
  decode(text: string): unknown;
}

/** The keys that mark a value JSON has no form for. A user's object that has such a key alone is wrapped, never lost. */
const BIGINT = '$bigint';
const DATE = '$date';
const ESCAPED = '$escaped';

function isMarked(value: object): boolean {
  const keys = Object.keys(value);
  return keys.length === 1 && (keys[0] === BIGINT || keys[0] === DATE || keys[0] === ESCAPED);
}

function replace(this: unknown, key: string, value: unknown): unknown {
  // JSON.stringify has called toJSON by now, so a Date is only visible on its holder.
  const original = (this as Record<string, unknown>)[key];
  if (typeof original === 'bigint') return { [BIGINT]: original.toString() };
  if (original instanceof Date) return { [DATE]: original.toISOString() };
  if (typeof original === 'number' && !Number.isFinite(original)) {
    throw new TypeError(`${original} under '${key}' has no JSON form`);
  }
  if (typeof original === 'function' || typeof original === 'symbol') {
    throw new TypeError(`a ${typeof original} under '${key}' has no JSON form`);
  }
  return value;
}

function escape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(escape);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const escaped = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, escape(v)]));
  return isMarked(value) ? { [ESCAPED]: escaped } : escaped;
}

function needsEscape(value: unknown): boolean {
  if (value === null || typeof value !== 'object' || value instanceof Date) return false;
  if (Array.isArray(value)) return value.some(needsEscape);
  return isMarked(value) || Object.values(value).some(needsEscape);
}

function restore(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(restore);
  if (value === null || typeof value !== 'object') return value;
  if (isMarked(value)) {
    const marked = value as Record<string, unknown>;
    if (typeof marked[BIGINT] === 'string') return BigInt(marked[BIGINT]);
    if (typeof marked[DATE] === 'string') return new Date(marked[DATE]);
    const inner = marked[ESCAPED];
    if (inner !== null && typeof inner === 'object') {
      return Object.fromEntries(Object.entries(inner).map(([k, v]) => [k, restore(v)]));
    }
  }
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, restore(v)]));
}

/**
 * JSON that also carries `bigint` and `Date`, each as an object with one marked key. Text without a mark takes the
 * engine's own parser alone. `undefined` fields are left out, as everywhere in JSON.
 */
export const jsonCodec: JsonCodec = {
  encode(value) {
    try {
      const cycleSafe = JSON.stringify(value, replace);
      if (cycleSafe === undefined) throw new TypeError(`${typeof value} has no JSON form`);
      return cycleSafe.includes('"$') && needsEscape(value)
        ? JSON.stringify(escape(value), replace)
        : cycleSafe;
    } catch (error) {
      throw new PotterError('SERIALIZATION_FAILED', {
        message: `A value cannot be stored as JSON: ${(error as Error).message}.`,
        remedy: 'Store plain data: null, booleans, finite numbers, strings, bigint, Date, arrays and objects.',
        cause: error,
      });
    }
  },
  decode(text) {
    try {
      const value: unknown = JSON.parse(text);
      return text.includes('"$') ? restore(value) : value;
    } catch (error) {
      throw new PotterError('SERIALIZATION_FAILED', {
        message: `Stored text is not JSON: ${(error as Error).message}.`,
        cause: error,
      });
    }
  },
};

/** JSON text of a plain value with its object keys sorted: equal values give equal text. For hashes and comparisons. */
export function canonicalJson(value: unknown): string {
  const sorted = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(sorted);
    if (node === null || typeof node !== 'object' || node instanceof Date) return node;
    const entries = Object.entries(node).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]));
  };
  return jsonCodec.encode(sorted(value));
}
