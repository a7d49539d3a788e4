import type { Clock } from '../../foundation/clock.ts';
import type { SagaRow } from './saga-row.ts';

interface WorkerLease {
  expiresMs: number;
  readonly rows: Set<SagaRow>;
}

/** Which worker owns which rows, and until when. */
export class WorkerLeases {
  readonly #clock: Clock;
  readonly #workers = new Map<string, WorkerLease>();
  /** Lost leases stay lost: a worker that wakes up late must not find its sagas its own again. */
  readonly #ended = new Set<string>();
  /** Rows that nobody owns and that may become due. */
  readonly #free = new Set<SagaRow>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Registers a worker or extends its lease; false when it had run out. */
  renew(workerId: string, ttlMs: number): boolean {
    this.#sweep();
    if (this.#ended.has(workerId)) return false;
    const expiresMs = this.#clock.now().getTime() + ttlMs;
    const worker = this.#workers.get(workerId);
    if (worker) worker.expiresMs = expiresMs;
    else this.#workers.set(workerId, { expiresMs, rows: new Set() });
    return true;
  }

  isAlive(workerId: string): boolean {
    const worker = this.#workers.get(workerId);
    return worker !== undefined && worker.expiresMs > this.#clock.now().getTime();
  }

  /** Ends a worker's lease and frees what it owned. */
  end(workerId: string): void {
    this.#ended.add(workerId);
    const rows = this.#workers.get(workerId)?.rows ?? [];
    this.#workers.delete(workerId);
    for (const row of rows) this.assign(row, null);
  }

  /** Gives a row to a worker, or to nobody. */
  assign(row: SagaRow, workerId: string | null): void {
    row.wasAssigned = true;
    if (row.owner !== null) this.#workers.get(row.owner)?.rows.delete(row);
    const worker = workerId === null ? undefined : this.#workers.get(workerId);
    row.owner = worker ? workerId : null;
    worker?.rows.add(row);
    // One that is over may still have to tell its parent; one that only a message wakes comes back with it.
    const sleeps = row.summary.wakeAt === null && !row.hasMessages;
    if (worker || sleeps) this.#free.delete(row);
    else this.#free.add(row);
  }

  /** Whether a row was ever assigned: its creation was committed. */
  knows(row: SagaRow): boolean {
    return row.wasAssigned;
  }

  /** Rows that can be claimed, as far as ownership goes. Assigning one while iterating is fine. */
  free(): Iterable<SagaRow> {
    return this.#free;
  }

  /** Rows that somebody owns. */
  *owned(): Iterable<SagaRow> {
    for (const { rows } of this.#workers.values()) yield* rows;
  }

  ownedBy(workerId: string): readonly SagaRow[] {
    return [...(this.#workers.get(workerId)?.rows ?? [])];
  }

  #sweep(): void {
    const nowMs = this.#clock.now().getTime();
    for (const [workerId, { expiresMs }] of this.#workers) {
      if (expiresMs <= nowMs) this.end(workerId);
    }
  }
}
