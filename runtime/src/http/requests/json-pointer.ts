/** A JSON Pointer (RFC 6901) one step deeper. */
export function pointer(parent: string, name: string): string {
  return `${parent}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
