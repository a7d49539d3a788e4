/** A time column as milliseconds since 1970, whatever parsers the pool has been given. */
export function msOf(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::float8`;
}
