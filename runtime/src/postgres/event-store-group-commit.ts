/** How appends of one process are collected into shared statements. */
export interface GroupCommitOptions {
  /** Statements in flight at once, each on a connection of its own. Default 2: one is filled while one is flushed. */
  readonly lanes?: number;
  /** Most appends in a statement; default 256. */
  readonly maxAppends?: number;
  /** Most events in a statement, unless one append alone has more; default 1,000. */
  readonly maxEvents?: number;
}

/** Something to be flushed with others. */
export interface Groupable {
  /** Two of the same key are never in flight at once, and keep their order. */
  readonly key: string;
  /** Number of events. */
  readonly size: number;
}

/**
 * Collects what arrives while earlier groups are being flushed. When nothing is in flight a group leaves in the next
 * turn of the event loop, so that waiting costs nothing at idle and everything asked for in one turn goes together.
 */
export class GroupCommit<Item extends Groupable> {
  readonly #flush: (group: readonly Item[]) => Promise<void>;
  readonly #lanes: number;
  readonly #maxAppends: number;
  readonly #maxEvents: number;
  readonly #inFlight = new Set<string>();
  #queue: Item[] = [];
  #busyLanes = 0;
  #scheduled = false;
  #idle: (() => void)[] = [];

  /** @param flush settles every item of the group by itself, and never rejects. */
  constructor(flush: (group: readonly Item[]) => Promise<void>, options: GroupCommitOptions = {}) {
    this.#flush = flush;
    this.#lanes = options.lanes ?? 2;
    this.#maxAppends = options.maxAppends ?? 256;
    this.#maxEvents = options.maxEvents ?? 1_000;
  }

  add(item: Item): void {
    this.#queue.push(item);
    this.#schedule();
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async drained(): Promise<void> {
    if (this.#queue.length === 0 && this.#busyLanes === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled || this.#busyLanes === this.#lanes) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#start();
    });
  }

  #start(): void {
    while (this.#busyLanes < this.#lanes) {
      const group = this.#take();
      if (group.length === 0) break;
      void this.#run(group);
    }
    if (this.#queue.length > 0 || this.#busyLanes > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #run(group: readonly Item[]): Promise<void> {
    const keys = new Set(group.map(({ key }) => key));
    this.#busyLanes += 1;
    for (const key of keys) this.#inFlight.add(key);
    await this.#flush(group);
    for (const key of keys) this.#inFlight.delete(key);
    this.#busyLanes -= 1;
    // The writers that were just answered may have more to say: they get this turn to do so.
    setImmediate(() => this.#start());
  }

  #take(): readonly Item[] {
    const group: Item[] = [];
    const rest: Item[] = [];
    let events = 0;
    let full = false;
    for (const item of this.#queue) {
      full ||=
        group.length === this.#maxAppends ||
        (group.length > 0 && events + item.size > this.#maxEvents);
      if (full || this.#inFlight.has(item.key)) {
        rest.push(item);
      } else {
        group.push(item);
        events += item.size;
      }
    }
    this.#queue = rest;
    return group;
  }
}
