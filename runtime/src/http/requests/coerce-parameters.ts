import { isRecord } from './is-record.ts';

const NUMBER_FORM = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/**
 * Query, path and header values are text on the wire; this gives them the types their schema asks for and puts in its
 * defaults. Only text that is exactly a number (no hexadecimal, no exponent, no blanks) becomes one, only `true` and
 * `false` become booleans; whatever else stays text, for the schema to refuse. Bodies are never coerced.
 */
export function coerceParameters(schema: unknown, values: unknown): unknown {
  if (!isRecord(schema) || !isRecord(values)) return values;
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  const coerced: Record<string, unknown> = { ...values };
  for (const [name, property] of Object.entries(properties)) {
    if (!isRecord(property)) continue;
    const value = coerced[name];
    if (value === undefined) {
      if ('default' in property) coerced[name] = property['default'];
      continue;
    }
    coerced[name] =
      property['type'] === 'array' ? coerceList(property, value) : coerce(property, value);
  }
  return coerced;
}

/** `?tag=a&tag=b` is a list already; `?tag=a` alone is a list of one where the schema asks for a list. */
function coerceList(schema: Readonly<Record<string, unknown>>, value: unknown): unknown {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const itemSchema = schema['items'];
  return isRecord(itemSchema) ? items.map((item) => coerce(itemSchema, item)) : items;
}

function coerce(schema: Readonly<Record<string, unknown>>, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  switch (schema['type']) {
    case 'integer':
    case 'number': {
      const number = NUMBER_FORM.test(value) ? Number(value) : Number.NaN;
      return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : value;
    }
    case 'boolean':
      return value === 'true' ? true : value === 'false' ? false : value;
    default:
      return coerceUnion(schema['anyOf'], value);
  }
}

function coerceUnion(branches: unknown, value: string): unknown {
  if (!Array.isArray(branches)) return value;
  for (const branch of branches) {
    const coerced = isRecord(branch) ? coerce(branch, value) : value;
    if (coerced !== value) return coerced;
  }
  return value;
}
