/** A promise that is settled from outside: the gate that a test opens. */
export interface Deferred<T = void> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Node 20 has no Promise.withResolvers. */
export function deferred<T = void>(): Deferred<T> {
  const parts: Partial<Pick<Deferred<T>, 'resolve' | 'reject'>> = {};
  const promise = new Promise<T>((resolve, reject) => {
    Object.assign(parts, { resolve, reject });
  });
  return { promise, ...(parts as Pick<Deferred<T>, 'resolve' | 'reject'>) };
}
