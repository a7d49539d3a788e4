import { LanePolicy } from './lane-policy.ts';

/** How appends of one process are collected into shared statements. */
export interface GroupCommitOptions {
  /** Statements in flight at once, each on a connection of its own. Default 2: one is filled while one is flushed. */
  readonly lanes?: number;
  /** Most appends in a statement; default 256. */
  readonly maxAppends?: number;
  /** Most events in a statement, unless one append alone has more; default 1,000. */
  readonly maxEvents?: number;
  /**
   * Fewer appends than this never leave in two groups at once, more leave in as many as there are lanes, equally large:
   * while one group is written, the answers of another are dealt with. Default 16.
   */
  readonly minShare?: number;
}

/** One flush this long holds up no other: what it waits for may have nothing to do with them. */
const PATIENCE_MS = 250;

/** Something to be flushed with others. */
export interface Groupable {
  /** Items of one key are never in flight in two groups, and leave in their order. */
  readonly key: string;
  /** May be in a group with others of its key that are shareable too. */
  readonly shareable: boolean;
  /** Number of events. */
  readonly size: number;
}

/** What is left to be waited for when a group was flushed: the key stays taken until then. */
export interface Unfinished {
  readonly key: string;
  readonly done: Promise<void>;
}

/**
 * Collects what arrives while earlier groups are being flushed. When nothing is in flight a group leaves in the next
 * turn of the event loop, so that waiting costs nothing at idle and everything asked for in one turn goes together.
 */
export class GroupCommit<Item extends Groupable> {
  readonly #flush: (group: readonly Item[]) => Promise<readonly Unfinished[]>;
  readonly #policy: LanePolicy;
  readonly #lanes: number;
  readonly #maxAppends: number;
  readonly #maxEvents: number;
  readonly #minShare: number;
  readonly #taken = new Set<string>();
  #queue: Item[] = [];
  #busyLanes = 0;
  #inFlight = 0;
  #scheduled = false;
  #patience: NodeJS.Timeout | undefined;
  #impatient = false;

  /** @param flush settles every item of the group by itself, and never rejects. */
  constructor(
    flush: (group: readonly Item[]) => Promise<readonly Unfinished[]>,
    options: GroupCommitOptions = {},
  ) {
    this.#flush = flush;
    this.#lanes = options.lanes ?? 2;
    this.#maxAppends = options.maxAppends ?? 256;
    this.#maxEvents = options.maxEvents ?? 1_000;
    this.#minShare = options.minShare ?? 16;
    this.#policy = new LanePolicy(this.#lanes, this.#maxAppends, 2 * this.#minShare);
  }

  /** Says how many processes write to this database, this one included; see {@link LanePolicy}. Until it is said: one. */
  writers(count: number): void {
    this.#policy.writers(count);
  }

  add(item: Item): void {
    this.#queue.push(item);
    this.#schedule();
  }

  /** Writers that were just answered may have more to say; they get the rest of this turn to do so. */
  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return;
    if (this.#busyLanes >= this.#openLanes()) return this.#waitPatiently();
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#busyLanes < this.#openLanes()) {
        const group = this.#take();
        if (group.length === 0) return;
        void this.#run(group);
      }
    });
  }

  #openLanes(): number {
    return this.#impatient ? this.#lanes : this.#policy.lanes(this.#queue.length, this.#inFlight);
  }

  #waitPatiently(): void {
    if (this.#patience !== undefined || this.#busyLanes === this.#lanes) return;
    this.#patience = setTimeout(() => {
      this.#impatient = true;
      this.#schedule();
    }, PATIENCE_MS);
  }

  #stopWaiting(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#impatient = false;
  }

  async #run(group: readonly Item[]): Promise<void> {
    const keys = new Set(group.map(({ key }) => key));
    this.#busyLanes += 1;
    this.#inFlight += group.length;
    for (const key of keys) this.#taken.add(key);
    const from = performance.now();
    for (const { key, done } of await this.#flush(group)) {
      keys.delete(key);
      void done.finally(() => {
        this.#taken.delete(key);
        this.#schedule();
      });
    }
    for (const key of keys) this.#taken.delete(key);
    this.#policy.flushed(performance.now() - from);
    this.#busyLanes -= 1;
    this.#stopWaiting();
    this.#inFlight -= group.length;
    this.#schedule();
  }

  /** How many a group may have for all lanes to have as many. */
  #share(): number {
    const all = this.#queue.length + this.#inFlight;
    const lanes = Math.min(this.#openLanes(), Math.max(1, Math.floor(all / this.#minShare)));
    return Math.ceil(all / lanes);
  }

  #take(): readonly Item[] {
    const group: Item[] = [];
    const rest: Item[] = [];
    const shared = new Map<string, boolean>();
    let events = 0;
    let full = false;
    const most = Math.min(this.#maxAppends, this.#share());
    for (const item of this.#queue) {
      full ||= group.length === most || (group.length > 0 && events + item.size > this.#maxEvents);
      const sharing = shared.get(item.key);
      const fits = sharing === undefined || (sharing && item.shareable);
      if (full || !fits || this.#taken.has(item.key)) {
        rest.push(item);
        // What came later for this key does not overtake.
        shared.set(item.key, false);
      } else {
        group.push(item);
        shared.set(item.key, item.shareable);
        events += item.size;
      }
    }
    this.#queue = rest;
    return group;
  }
}
