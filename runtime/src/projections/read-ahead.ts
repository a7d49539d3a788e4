/** Asks for the next item while the one before is worked on, so that reading and writing take turns on the database. */
export async function* readAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = iterator.next();
      // Whoever takes the item may fail first and never look at this one.
      next.catch(() => {});
      yield value;
    }
  } finally {
    // A generator answers this after the read that is under way, which ends by itself or by the signal.
    await iterator.return?.();
  }
}
