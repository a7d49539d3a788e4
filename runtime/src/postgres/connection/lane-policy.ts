/** From here a flush is mostly waiting, for the log or for the server's other work, and two at once do not end sooner. */
const SLOW_MS = 5;
/** The weight of the last flush in their average. */
const WEIGHT = 0.2;

/**
 * How many groups of a process may be under way at once. A second lane keeps the server busy while this process deals with
 * the answers of the first. Where other processes write too they do that for each other, and two groups half as large cost
 * the server more than one: its part of a group that does not depend on its size is what forty more commits in it cost.
 * So with others about, and as long as flushes are slow or there is enough for large groups, there is one lane; a second one
 * only for what has no room in it. A few writes that find the server quick need not wait for each other.
 */
export class LanePolicy {
  readonly #lanes: number;
  readonly #maxAppends: number;
  readonly #many: number;
  #writers = 1;
  #averageMs = 0;

  /** @param many with so many at once their groups are large enough for the server to be what they wait for. */
  constructor(lanes: number, maxAppends: number, many: number) {
    this.#lanes = lanes;
    this.#maxAppends = maxAppends;
    this.#many = many;
  }

  /** So many processes write to this database, this one included. */
  writers(count: number): void {
    this.#writers = count;
  }

  /** A group was flushed and took so long. */
  flushed(tookMs: number): void {
    this.#averageMs += (tookMs - this.#averageMs) * WEIGHT;
  }

  /**
   * @param waiting how many want to leave.
   * @param underWay how many have left and are not answered.
   */
  lanes(waiting: number, underWay: number): number {
    const busy = this.#averageMs > SLOW_MS || waiting + underWay >= this.#many;
    const crowded = this.#writers > 1 && busy;
    return crowded && waiting < this.#maxAppends ? 1 : this.#lanes;
  }
}
