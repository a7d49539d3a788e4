import { newId } from '../../foundation/ids.ts';
import { jsonCodec } from '../../foundation/json.ts';
import { type Clock, systemClock } from '../../foundation/clock.ts';
import type { Branch } from './two-phase-participant.ts';
import type {
  AuditEntry,
  BeginRequest,
  DecideRequest,
  DueRequest,
  ListRequest,
  ResolveRequest,
  SettleRequest,
  TwoPhaseLog,
} from './two-phase-log.ts';
import type { BranchRecord, TransactionRecord } from './two-phase-transaction.ts';

interface Entry {
  record: Omit<TransactionRecord, 'ageMs'>;
  dueAtMs: number;
}

/** Options of {@link InMemoryTwoPhaseLog}. */
export interface InMemoryTwoPhaseLogOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** A log for tests and trials: it lives as long as its object. Values go through JSON, as in a database. */
export class InMemoryTwoPhaseLog implements TwoPhaseLog {
  readonly #clock: Clock;
  readonly #identity = `memory.${newId().slice(-12)}`;
  readonly #entries = new Map<string, Entry>();
  readonly #audit: AuditEntry[] = [];

  constructor(options: InMemoryTwoPhaseLogOptions = {}) {
    this.#clock = options.clock ?? systemClock;
  }

  async identity(): Promise<string> {
    return this.#identity;
  }

  async begin(request: BeginRequest): Promise<TransactionRecord> {
    const { transactionId, fingerprint, branches, dueInMs } = request;
    const known = this.#entries.get(transactionId);
    if (known !== undefined) {
      if (known.record.decision === null) known.dueAtMs = this.#in(dueInMs);
      return this.#given(known);
    }
    const entry: Entry = {
      record: {
        transactionId,
        fingerprint,
        branches: branches.map(newBranch),
        decision: null,
        reason: null,
        begunAt: this.#clock.now(),
        decidedAt: null,
        settledAt: null,
      },
      dueAtMs: this.#in(dueInMs),
    };
    this.#entries.set(transactionId, entry);
    return this.#given(entry);
  }

  async decide(request: DecideRequest): Promise<TransactionRecord | undefined> {
    const { transactionId, decision, reason, votes, dueInMs } = request;
    const entry = this.#entries.get(transactionId);
    const now = this.#clock.now();
    if (entry === undefined) {
      if (request.evenUnknown !== true) return undefined;
      const aborted: Entry = {
        record: {
          transactionId,
          fingerprint: null,
          branches: [],
          decision,
          reason,
          begunAt: now,
          decidedAt: now,
          settledAt: now,
        },
        dueAtMs: Number.POSITIVE_INFINITY,
      };
      this.#entries.set(transactionId, aborted);
      return this.#given(aborted);
    }
    if (entry.record.decision === null) {
      const branches = entry.record.branches.map((branch) => ({
        ...branch,
        vote: votes[branch.participant] ?? branch.vote,
      }));
      entry.record = { ...entry.record, branches, decision, reason, decidedAt: now };
      entry.dueAtMs = this.#in(dueInMs);
    }
    return this.#given(entry);
  }

  async settle(request: SettleRequest): Promise<TransactionRecord | undefined> {
    const entry = this.#entries.get(request.transactionId);
    if (entry === undefined) return undefined;
    const settled = new Map(request.settled.map((one) => [one.participant, one]));
    const failed = new Map(request.failed.map((one) => [one.participant, one.problem]));
    this.#change(entry, request.dueInMs, (branch) => {
      const done = settled.get(branch.participant);
      if (done) return { ...branch, outcome: done.outcome, result: copy(done.result) };
      const problem = failed.get(branch.participant);
      return problem ? { ...branch, failures: branch.failures + 1, problem } : branch;
    });
    return this.#given(entry);
  }

  async due(request: DueRequest): Promise<readonly TransactionRecord[]> {
    const nowMs = this.#clock.now().getTime();
    const resting = new Set(request.resting);
    const due = [...this.#entries.values()]
      .filter(({ dueAtMs, record }) => dueAtMs <= nowMs && !waitsForAll(record, resting))
      .sort((a, b) => a.dueAtMs - b.dueAtMs)
      .slice(0, request.limit);
    for (const entry of due) entry.dueAtMs = this.#in(request.leaseMs);
    return due.map((entry) => this.#given(entry));
  }

  async get(transactionId: string): Promise<TransactionRecord | undefined> {
    const entry = this.#entries.get(transactionId);
    return entry && this.#given(entry);
  }

  async list(request: ListRequest): Promise<readonly TransactionRecord[]> {
    const { state, limit = 100, after } = request;
    const newestFirst = [...this.#entries.values()].reverse();
    const from = newestFirst.findIndex(({ record }) => record.transactionId === after) + 1;
    return newestFirst
      .slice(from)
      .filter(({ record }) => state === undefined || stateOf(record) === state)
      .slice(0, limit)
      .map((entry) => this.#given(entry));
  }

  async inDoubt(): Promise<{ readonly count: number; readonly oldestMs: number }> {
    const open = [...this.#entries.values()].filter(({ record }) => record.settledAt === null);
    const ages = open.map((entry) => this.#given(entry).ageMs);
    return { count: open.length, oldestMs: Math.max(0, ...ages) };
  }

  async resolve(request: ResolveRequest): Promise<TransactionRecord | undefined> {
    const { transactionId, decision, by, reason, writeOff } = request;
    const entry = this.#entries.get(transactionId);
    if (entry === undefined) return undefined;
    const at = this.#clock.now();
    const { record } = entry;
    if (record.decision !== null && record.decision !== decision) return this.#given(entry);
    this.#audit.push({ transactionId, at, by, reason, decision, writtenOff: writeOff });
    if (record.decision === null) {
      const asked = { because: 'asked', code: 'TWO_PHASE_ABORTED', participant: null } as const;
      entry.record = {
        ...record,
        decision,
        reason: decision === 'abort' ? { ...asked, message: reason } : null,
        decidedAt: at,
      };
    }
    this.#change(entry, 0, (branch) =>
      branch.outcome === null && writeOff.includes(branch.participant)
        ? { ...branch, outcome: 'written-off' }
        : branch,
    );
    return this.#given(entry);
  }

  async audit(transactionId: string): Promise<readonly AuditEntry[]> {
    return this.#audit.filter((entry) => entry.transactionId === transactionId);
  }

  #change(entry: Entry, dueInMs: number, change: (branch: BranchRecord) => BranchRecord): void {
    const { record } = entry;
    if (record.settledAt !== null) return;
    const branches = record.branches.map((branch) =>
      branch.outcome === null ? change(branch) : branch,
    );
    const over = record.decision !== null && branches.every(({ outcome }) => outcome !== null);
    entry.record = { ...record, branches, settledAt: over ? this.#clock.now() : null };
    entry.dueAtMs = over ? Number.POSITIVE_INFINITY : this.#in(dueInMs);
  }

  #in(ms: number): number {
    return this.#clock.now().getTime() + ms;
  }

  #given({ record }: Entry): TransactionRecord {
    return { ...record, ageMs: this.#clock.now().getTime() - record.begunAt.getTime() };
  }
}

function newBranch({ participant, work }: Branch): BranchRecord {
  const nothing = { vote: null, outcome: null, result: null, failures: 0, problem: null };
  return { participant, work: copy(work), ...nothing };
}

function waitsForAll(record: Entry['record'], resting: ReadonlySet<string>): boolean {
  const pending = record.branches.filter(({ outcome }) => outcome === null);
  return pending.length > 0 && pending.every(({ participant }) => resting.has(participant));
}

function stateOf(record: Entry['record']): 'in-doubt' | 'committed' | 'aborted' {
  if (record.settledAt === null) return 'in-doubt';
  return record.decision === 'commit' ? 'committed' : 'aborted';
}

function copy(value: unknown): unknown {
  return value === undefined ? null : jsonCodec.decode(jsonCodec.encode(value));
}
