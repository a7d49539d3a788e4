import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { PotterError } from '../../errors/potter-error.ts';
import { canonicalJson } from '../../foundation/json.ts';
import { sleep } from '../../foundation/sleep.ts';
import { assertTransactionId } from './branch-id.ts';
import { CoordinatorContext } from './coordinator-context.ts';
import type { TwoPhaseCoordinatorOptions } from './coordinator-options.ts';
import { decide, leaseMs } from './decide.ts';
import { prepareBranches } from './prepare-branches.ts';
import { resolveByHand, type ResolveOptions } from './resolve-by-hand.ts';
import { settleBranches } from './settle-branches.ts';
import { Sweeper } from './sweeper.ts';
import { viewOf, type TransactionView } from './transaction-view.ts';
import type { AuditEntry, ListRequest } from './two-phase-log.ts';
import type { Branch } from './two-phase-participant.ts';
import {
  type AbortReason,
  outcomeOf,
  type TransactionRecord,
  type TwoPhaseOutcome,
} from './two-phase-transaction.ts';

/** Of calls that wait. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What carries a transaction out: the part of a coordinator that a saga's step needs. */
export type TwoPhaseExecutor = Pick<TwoPhaseCoordinator, 'execute' | 'abort'>;

/**
 * Makes several participants do their work all or not at all, by two-phase commit with presumed abort: begin is durable
 * before anybody is asked, the decision is durable before anybody is told to commit, and without a decision the answer
 * is abort. Any number of processes may run one on the same log.
 *
 * Source of the protocol: C. Mohan, B. Lindsay, R. Obermarck, "Transaction Management in the R* Distributed Database
 * Management System", ACM TODS 11(4), 1986.
 */
export class TwoPhaseCoordinator implements AsyncDisposable {
  readonly #context: CoordinatorContext;
  readonly #closing = new AbortController();
  readonly #sweeper: Sweeper;
  readonly #working = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(options: TwoPhaseCoordinatorOptions) {
    this.#context = new CoordinatorContext(options);
    // Everything under way listens to it; many do, and none is forgotten.
    setMaxListeners(0, this.#closing.signal);
    this.#sweeper = new Sweeper(this.#context, this.#closing.signal);
  }

  /**
   * Resolves what is in doubt, then goes on doing so in the background until {@link close}. Failures are logged and
   * tried again: a log that is down does not keep a process from starting.
   */
  start(): Promise<void> {
    this.#assertOpen();
    return this.#sweeper.start();
  }

  /**
   * Does the work of all branches, or of none. Repeatable: with the same id it goes on where the log says it stood,
   * whichever process began it; when it is over, it answers what came of it. A commit returns once every participant
   * has acknowledged it, as long as that takes; an abort once each was told, for whoever did not hear it is told again
   * in the background and holds nothing that could still be committed.
   * @param branches or a function that proposes them: what was begun before is then gone on with as it was begun.
   * @throws PotterError `ABORTED` when the signal fires or the coordinator is closed. What was decided by then is carried
   * out all the same; what was not may be gone on with, else it is aborted after `presumeAbortAfter`.
   * @throws PotterError `TWO_PHASE_TRANSACTION_CHANGED` when the id was used for other branches, `INVALID_ARGUMENT`.
   */
  execute(
    transactionId: string,
    branches: readonly Branch[] | (() => readonly Branch[]),
    options: WaitOptions = {},
  ): Promise<TwoPhaseOutcome> {
    return this.#work(options, async (signal) => {
      assertTransactionId(transactionId);
      const proposed = typeof branches === 'function' ? branches() : branches;
      const fingerprint = fingerprintOf(proposed);
      for (const { participant } of proposed) this.#context.participant(participant);
      const { log } = this.#context;
      const dueInMs = this.#context.options.presumeAbortAfterMs;
      const begun = await log.begin({
        transactionId,
        fingerprint,
        branches: proposed,
        dueInMs,
      });
      const isOther = begun.fingerprint !== null && begun.fingerprint !== fingerprint;
      if (isOther && typeof branches !== 'function') throw changed(begun);
      this.#sweeper.wakeIn(dueInMs);
      return this.#finish(await this.#decided(begun, signal), signal);
    });
  }

  /**
   * Aborts a transaction, unless it was decided before: then that decision is carried out. An id that was never begun
   * is remembered, so that it cannot be begun afterwards.
   * @returns what it came to, as {@link execute} does.
   * @throws PotterError `ABORTED` as {@link execute} does.
   */
  abort(
    transactionId: string,
    options: WaitOptions & { readonly reason?: string } = {},
  ): Promise<TwoPhaseOutcome> {
    return this.#work(options, async (signal) => {
      assertTransactionId(transactionId);
      const reason: AbortReason = {
        because: 'asked',
        code: 'TWO_PHASE_ABORTED',
        message: options.reason ?? 'Its caller asked for it.',
        participant: null,
      };
      const decided = await this.#context.log.decide({
        transactionId,
        decision: 'abort',
        reason,
        votes: {},
        dueInMs: leaseMs(this.#context),
        evenUnknown: true,
      });
      if (decided === undefined) throw notFound(transactionId);
      return this.#finish(decided, signal);
    });
  }

  /**
   * A transaction, and where each of its participants stands. Participants that have not acknowledged are asked; one
   * that does not answer is `unreachable`.
   * @throws PotterError `TWO_PHASE_TRANSACTION_NOT_FOUND`
   */
  async get(transactionId: string, options: WaitOptions = {}): Promise<TransactionView> {
    this.#assertOpen();
    return viewOf(this.#context, await this.#known(transactionId), options.signal);
  }

  /** Transactions as the log has them, newest first; no participant is asked. */
  list(options: ListRequest = {}): Promise<readonly TransactionRecord[]> {
    return this.#context.log.list(options);
  }

  /** Those that are undecided, or not acknowledged by all: {@link list} with `state: 'in-doubt'`. */
  listInDoubt(options: Omit<ListRequest, 'state'> = {}): Promise<readonly TransactionRecord[]> {
    return this.list({ ...options, state: 'in-doubt' });
  }

  /**
   * Decides by hand a transaction in doubt, or carries on one that hangs because a participant will never answer; who
   * did it and why is kept. Returns once it is written; participants are told by
   * the next sweep.
   * @throws PotterError `TWO_PHASE_ALREADY_DECIDED` when it would contradict a decision, `TWO_PHASE_NOT_PREPARED` for a
   * commit that a participant is not prepared for, `TWO_PHASE_TRANSACTION_NOT_FOUND`, `INVALID_ARGUMENT`.
   */
  async resolve(
    transactionId: string,
    decision: 'commit' | 'abort',
    options: ResolveOptions,
  ): Promise<TransactionRecord> {
    return this.#work(options, async (signal) => {
      const known = await this.#known(transactionId);
      const resolved = await resolveByHand(this.#context, known, decision, options, signal);
      this.#sweeper.wakeIn(0);
      return resolved;
    });
  }

  /** What was done to a transaction by hand, oldest first. */
  audit(transactionId: string): Promise<readonly AuditEntry[]> {
    return this.#context.log.audit(transactionId);
  }

  /** Resolves all that is due now, orphans at participants included; {@link start} does it regularly. */
  sweep(): Promise<void> {
    this.#assertOpen();
    return this.#sweeper.sweep({ orphans: true });
  }

  /**
   * Gives up what it is waiting for: another process, or the next start, goes on with it. Neither log nor participants
   * are closed.
   */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#closing.abort();
      await this.#sweeper.stop();
      await Promise.allSettled(this.#working);
    })();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #decided(begun: TransactionRecord, signal: AbortSignal): Promise<TransactionRecord> {
    if (begun.decision !== null) return begun;
    const { votes, reason } = await prepareBranches(this.#context, begun, signal);
    const decision = reason === null ? 'commit' : 'abort';
    const decided = await decide(this.#context, begun, decision, reason, votes);
    if (decided === undefined) throw notFound(begun.transactionId);
    return decided;
  }

  async #finish(decided: TransactionRecord, signal: AbortSignal): Promise<TwoPhaseOutcome> {
    const { decision } = decided;
    if (decision === null) throw notFound(decided.transactionId);
    let record = decided;
    try {
      while (record.settledAt === null) {
        const settlement = await settleBranches(this.#context, record, decision, signal);
        record = settlement.record;
        if (settlement.againInMs === undefined) break;
        if (decision === 'abort') {
          this.#sweeper.wakeIn(settlement.againInMs);
          break;
        }
        await sleep(settlement.againInMs, { clock: this.#context.options.clock, signal });
      }
    } catch (error) {
      this.#sweeper.wakeIn(leaseMs(this.#context));
      throw error;
    }
    return outcomeOf(record);
  }

  async #known(transactionId: string): Promise<TransactionRecord> {
    const record = await this.#context.log.get(transactionId);
    if (record === undefined) throw notFound(transactionId);
    return record;
  }

  /** Ends with the coordinator as well as with its caller's patience. */
  async #work<T>({ signal }: WaitOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#assertOpen();
    const patience = new AbortController();
    setMaxListeners(0, patience.signal);
    const stop = (): void => patience.abort(signal?.reason ?? this.#closing.signal.reason);
    const ends = [signal, this.#closing.signal].filter((one) => one !== undefined);
    for (const end of ends) end.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const working = this.#context.options.tracer.span('two-phase transaction', {}, () =>
      work(patience.signal),
    );
    this.#working.add(working);
    try {
      return await working;
    } finally {
      this.#working.delete(working);
      for (const end of ends) end.removeEventListener('abort', stop);
    }
  }

  #assertOpen(): void {
    if (!this.#closing.signal.aborted) return;
    throw new PotterError('CLOSED', {
      message: 'The two-phase coordinator was closed.',
      remedy: 'Close it after the saga engine that uses it.',
    });
  }
}

function fingerprintOf(branches: readonly Branch[]): string {
  const names = new Set(branches.map(({ participant }) => participant));
  if (names.size < branches.length || names.size === 0) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `A transaction has one branch a participant, not ${branches.length} for ${names.size}.`,
      remedy: 'Put all that a participant is to do into the work of its branch.',
    });
  }
  const sorted = branches.toSorted((a, b) => (a.participant < b.participant ? -1 : 1));
  return createHash('sha256').update(canonicalJson(sorted)).digest('hex');
}

function notFound(transactionId: string): PotterError {
  return new PotterError('TWO_PHASE_TRANSACTION_NOT_FOUND', {
    message: `There is no transaction '${transactionId}' in the log.`,
    details: { transactionId },
  });
}

function changed({ transactionId }: TransactionRecord): PotterError {
  return new PotterError('TWO_PHASE_TRANSACTION_CHANGED', {
    message: `The transaction '${transactionId}' was begun with other branches or other work.`,
    remedy: 'Use another id for another transaction.',
    details: { transactionId },
  });
}
