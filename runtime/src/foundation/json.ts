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
  /** @throws PotterError `SERIALIZATION_FAILED` for a value JSON cannot carry (a function, a Map, a cycle, NaN). */
  encode(value: unknown): string;
  /** @throws PotterError `SERIALIZATION_FAILED` for text that is not JSON. */
  decode(text: string): unknown;
}

/** The keys that mark a value JSON has no form for. A user's object that has such a key alone is wrapped, never lost. */
const BIGINT = '$bigint';
const DATE = '$date';
const ESCAPED = '$escaped';

/** Values nested deeper are left to the engine, which tells a cycle from depth. */
const DEEPEST_FAST_PATH = 64;

function isMarked(value: object): boolean {
  const keys = Object.keys(value);
  return keys.length === 1 && (keys[0] === BIGINT || keys[0] === DATE || keys[0] === ESCAPED);
}

/** Whether the engine's own JSON.stringify is right for a value: no replacer, which would make it several times slower. */
function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'bigint':
    case 'function':
    case 'symbol':
      return false;
    case 'object':
      return value === null || isPlainObject(value, depth);
  }
}

function isPlainObject(value: object, depth: number): boolean {
  if (depth > DEEPEST_FAST_PATH) return false;
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype || isMarked(value)) return false;
  for (const key in value) {
    if (!isPlain((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

/** The wrapper of a user's marked object. A class, so that the replacer knows its own work and does not wrap it again. */
class Escaped {
  readonly [ESCAPED]: object;

  constructor(value: object) {
    this[ESCAPED] = value;
  }
}

function refuse(what: string, key: string): never {
  throw new TypeError(`${what}${key === '' ? '' : ` under '${key}'`} has no JSON form`);
}

/** `value` is what toJSON made of the original, which is still on its holder: the only place where a Date is a Date. */
function replace(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  if (typeof original === 'bigint') return { [BIGINT]: original.toString() };
  if (original instanceof Date) return { [DATE]: original.toISOString() };
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : refuse(String(value), key);
    case 'bigint':
      return { [BIGINT]: value.toString() };
    case 'function':
    case 'symbol':
      return refuse(`a ${typeof value}`, key);
    case 'object': {
      if (value === null || Array.isArray(value) || this instanceof Escaped) return value;
      // Maps, sets, buffers, errors: JSON.stringify would write `{}` and lose what is in them.
      const tag = Object.prototype.toString.call(value);
      if (tag !== '[object Object]') return refuse(`a ${tag.slice(8, -1)}`, key);
      return isMarked(value) ? new Escaped(value) : value;
    }
    case 'string':
    case 'boolean':
    case 'undefined':
      return value;
  }
}

function restore(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (!Array.isArray(value) && isMarked(value)) {
    const marked = value as Record<string, unknown>;
    if (typeof marked[BIGINT] === 'string') return BigInt(marked[BIGINT]);
    if (typeof marked[DATE] === 'string') return dateFrom(marked[DATE]);
    const inner = marked[ESCAPED];
    if (inner !== null && typeof inner === 'object') return restoreMembers(inner);
  }
  return restoreMembers(value);
}

/** In place: the value was parsed a moment ago and nobody else holds it. */
function restoreMembers(value: object): object {
  const members = value as Record<string, unknown>;
  for (const key of Object.keys(members)) {
    const before = members[key];
    const after = restore(before);
    if (after !== before) members[key] = after;
  }
  return value;
}

function dateFrom(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new RangeError(`'${text}' is not a date`);
  return date;
}

/**
 * JSON that also carries `bigint` and `Date`, each as an object with one marked key. Plain values and text without a
 * mark take the engine's own path. `undefined` fields are left out, as everywhere in JSON.
 */
export const jsonCodec: JsonCodec = {
  encode(value) {
    try {
      const text = isPlain(value, 0) ? JSON.stringify(value) : JSON.stringify(value, replace);
      if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
      return text;
    } catch (error) {
      throw new PotterError('SERIALIZATION_FAILED', {
        message: `A value cannot be stored as JSON: ${(error as Error).message}.`,
        remedy:
          'Store plain data: null, booleans, finite numbers, strings, bigint, Date, arrays and objects.',
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
        message: `Stored text cannot be read as JSON: ${(error as Error).message}.`,
        remedy:
          'Look at the stored row: something other than this codec wrote it, or it was cut short.',
        cause: error,
      });
    }
  },
};

/** With its keys sorted everywhere; what is sorted already is not copied. */
function sortKeys(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sortKeys);
  const members = value as Record<string, unknown>;
  const keys = Object.keys(members);
  let isSorted = true;
  for (let at = 1; at < keys.length && isSorted; at += 1) {
    isSorted = (keys[at - 1] ?? '') < (keys[at] ?? '');
  }
  const sorted: [string, unknown][] = [];
  for (const key of isSorted ? keys : keys.toSorted()) {
    const member = sortKeys(members[key]);
    isSorted &&= member === members[key];
    sorted.push([key, member]);
  }
  return isSorted ? value : Object.fromEntries(sorted);
}

/**
 * The codec's text of a value with its object keys sorted: equal values give equal text. For hashes and comparisons.
 * @throws PotterError `SERIALIZATION_FAILED` as {@link JsonCodec.encode} does.
 */
export function canonicalJson(value: unknown): string {
  // What is plain says the same before it went through text.
  const plain =
    value !== undefined && isPlain(value, 0) ? value : JSON.parse(jsonCodec.encode(value));
  return JSON.stringify(sortKeys(plain));
}
