/** A URL with a password, wherever in a text it stands. */
const URL_PASSWORD = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@]+@/gi;

/** The same text with the passwords of all URLs in it blotted out. */
export function redactUrls(text: string): string {
  return text.replaceAll(URL_PASSWORD, '$1:***@');
}

/** Fields that never reach a log, wherever they stand. */
const SECRET_FIELDS = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'password',
  'x-api-key',
]);

/** Deeper than this a log line is cut. */
const MAX_DEPTH = 8;

/** A value fit for a log: secret fields and the passwords of URLs blotted out, errors as plain fields, cycles cut. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactUrls(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  const source = value instanceof Error ? errorFields(value) : value;
  return Object.fromEntries(
    Object.entries(source).map(([name, child]) => [
      name,
      SECRET_FIELDS.has(name.toLowerCase()) ? '***' : redact(child, depth + 1),
    ]),
  );
}

/** Message, stack and cause are not enumerable on an error; a log wants them first. */
function errorFields(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const own = Object.fromEntries(Object.entries(error));
  return { ...own, name, message, stack, ...(cause === undefined ? {} : { cause }) };
}
