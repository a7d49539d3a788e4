import type { RouteOptions } from 'fastify';

/**
 * Knows which methods an address has, to tell "no such address" from "not with this method". Fastify's router only
 * answers for one method at a time; this is asked only after it found nothing.
 */
export class AllowedMethods {
  readonly #methods = new Map<string, Set<string>>();

  add(route: Pick<RouteOptions, 'url' | 'method'>): void {
    const methods = this.#methods.get(route.url) ?? new Set();
    this.#methods.set(route.url, methods);
    for (const method of [route.method].flat()) methods.add(method);
  }

  /** The methods of an address, sorted; empty when there is no such address. */
  of(path: string): readonly string[] {
    const found = new Set<string>();
    for (const [template, methods] of this.#methods) {
      if (pattern(template).test(path)) for (const method of methods) found.add(method);
    }
    return [...found].toSorted();
  }
}

/** `/accounts/:n/*` as an expression. Constraints within parameters are not looked at. */
function pattern(template: string): RegExp {
  const source = template
    .split(/(:\w+(?:\([^)]*\))?\??|\*)/)
    .map((piece, index) =>
      index % 2 === 0
        ? piece.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)
        : piece === '*'
          ? '.*'
          : '[^/]+',
    )
    .join('');
  return new RegExp(`^${source}$`);
}
