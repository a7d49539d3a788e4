import type { JournalEntry, SagaEvent } from '../saga-event.ts';
import type {
  InboxEntry,
  Lease,
  NewSaga,
  SagaSnapshot,
  SagaSummary,
  StoredSaga,
} from '../saga-store.ts';
import { asStored } from '../stored-value.ts';

/** A saga in memory, with the rules for who may write it. */
export class SagaRow {
  readonly saga: Omit<
    NewSaga,
    'events' | 'summary' | 'locks' | 'limitKey' | 'priority' | 'definitionVersion'
  >;
  definitionVersion: number;
  /** By which it takes its turn; undefined: its definition had no limits. */
  readonly limitKey: string | undefined;
  readonly priority: number;
  summary: SagaSummary;
  owner: string | null = null;
  /** Whether it ever was somebody's, or to be had: a row that an open transaction makes is not. */
  wasAssigned = false;
  readonly #createdWith: number;
  token = 0n;
  readonly inbox: InboxEntry[] = [];
  inboxSeen = 0n;
  /** The transaction that has written this row and is still open: everyone else waits for it. */
  lockedBy: object | null = null;
  /** The event with seq n is at n - 1. */
  readonly #journal: SagaEvent[] = [];
  #seq = 0n;
  #snapshot: SagaSnapshot | null = null;
  #waiting: (() => void)[] = [];

  constructor({
    events,
    summary,
    locks: _locks,
    limitKey,
    priority = 0,
    definitionVersion,
    ...saga
  }: NewSaga) {
    this.definitionVersion = definitionVersion;
    this.limitKey = limitKey;
    this.priority = priority;
    this.saga = saga;
    this.summary = summary;
    this.#createdWith = events.length;
    this.append(events);
  }

  get seq(): bigint {
    return this.#seq;
  }

  get startedAt(): Date {
    return new Date(this.#journal[0]?.at ?? 0);
  }

  get updatedAt(): Date {
    return new Date(this.#journal.at(-1)?.at ?? 0);
  }

  get hasMessages(): boolean {
    return Number(this.inboxSeen) < this.inbox.length;
  }

  /** Whether a worker has something to do here, were nobody else doing it. */
  isDue(nowMs: number): boolean {
    const { wakeAt } = this.summary;
    return (wakeAt !== null && wakeAt.getTime() <= nowMs) || this.hasMessages;
  }

  /** Whether it was created by these events and nothing was written since: a first owner may have made it look the same. */
  isAsCreated({ events }: Pick<NewSaga, 'events'>): boolean {
    return this.#createdWith === events.length && this.#journal.length === events.length;
  }

  isOwnedBy(lease: Lease): boolean {
    return this.owner === lease.workerId && this.token === lease.token;
  }

  messagesAfter(seen: bigint): readonly InboxEntry[] {
    return this.inbox.slice(Number(seen));
  }

  append(events: readonly SagaEvent[]): void {
    for (const event of events) this.#journal.push(isolated(event));
    this.#seq += BigInt(events.length);
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  takeSnapshot(state: string): void {
    this.#snapshot = { seq: this.seq, state };
  }

  /** Copies: what a reader changes stays with the reader. */
  entries(after: bigint, limit: number = Infinity): readonly JournalEntry[] {
    return this.#journal
      .slice(Number(after), Number(after) + limit)
      .map((event, at) => ({ seq: after + BigInt(at + 1), event: withOwnDates(isolated(event)) }));
  }

  /** Resolves at the next entry, or when the signal fires. */
  nextEntry(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.push(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  stored(): StoredSaga {
    const snapshot = this.#snapshot;
    const { definitionVersion } = this;
    const { sagaId, definition, correlationId } = this.saga;
    return {
      sagaId,
      definition,
      definitionVersion,
      correlationId,
      summary: withOwnDates(this.summary),
      startedAt: this.startedAt,
      updatedAt: this.updatedAt,
      snapshot,
      tail: this.entries(snapshot?.seq ?? 0n),
      unheard: this.hasMessages,
    };
  }
}

/** An event with its payload copied, reduced to what a database would keep. */
function isolated(event: SagaEvent): SagaEvent {
  if (event.type === 'SagaStarted' || event.type === 'InputEdited') {
    return { ...event, input: asStored(event.input) };
  }
  if (event.type === 'AttemptCompleted' || event.type === 'StepOverridden') {
    return { ...event, result: asStored(event.result) };
  }
  if (event.type === 'SignalReceived' || event.type === 'WaitEnded') {
    return { ...event, value: asStored(event.value) };
  }
  return event;
}

/** A copy whose Dates are its holder's: those that the engine writes down are shared by many. */
function withOwnDates<T extends object>(noted: T): T {
  const copy = { ...noted };
  for (const key of Object.keys(copy) as (keyof T)[]) {
    const value = copy[key];
    if (value instanceof Date) copy[key] = new Date(value) as T[keyof T] & Date;
  }
  return copy;
}
