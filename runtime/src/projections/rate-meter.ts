/** How long a measurement lasts, in milliseconds. */
const WINDOW_MS = 5_000;

/** Items a second over the last seconds. */
export class RateMeter {
  #marks: { readonly atMs: number; readonly items: number }[] = [];

  /** @param nowMs a monotonic time in milliseconds. */
  add(items: number, nowMs: number = performance.now()): number {
    this.#marks = this.#marks.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    this.#marks.push({ atMs: nowMs, items });
    const first = this.#marks[0];
    const spanMs = first === undefined ? 0 : nowMs - first.atMs;
    if (first === undefined || spanMs === 0) return items;
    // What the first mark counted was done before it.
    const counted = this.#marks.reduce((sum, mark) => sum + mark.items, -first.items);
    return (counted / spanMs) * 1_000;
  }
}
