import { describeError } from '../../errors/describe-error.ts';
import type { Timer } from '../../foundation/clock.ts';
import type { CoordinatorContext } from './coordinator-context.ts';
import { decide, leaseMs } from './decide.ts';
import { settleOrphans } from './settle-orphans.ts';
import { settleBranches } from './settle-branches.ts';
import type { AbortReason, TransactionRecord } from './two-phase-transaction.ts';

/** Transactions taken from the log at once, and carried out side by side. */
const BATCH = 50;
const PRESUMED: AbortReason = {
  because: 'presumed',
  code: 'TWO_PHASE_PRESUMED_ABORT',
  message: 'Who began it was not heard of again, and nothing was decided.',
  participant: null,
};

/** Carries out what processes left unfinished, this one or others. One sweep runs at a time. */
export class Sweeper {
  readonly #context: CoordinatorContext;
  readonly #closing: AbortSignal;
  #timer: Timer | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #orphansDueAtMs = 0;
  #running: Promise<void> | undefined;
  #started = false;

  constructor(context: CoordinatorContext, closing: AbortSignal) {
    this.#context = context;
    this.#closing = closing;
  }

  /** Sweeps now, and from then on whenever it is time. @returns when the first sweep is over. */
  async start(): Promise<void> {
    this.#started = true;
    await this.#round();
  }

  /** Sweeps no later than in this many milliseconds. */
  wakeIn(ms: number): void {
    if (!this.#started || this.#closing.aborted) return;
    const { clock } = this.#context.options;
    const atMs = clock.now().getTime() + ms;
    if (atMs >= this.#dueAtMs) return;
    this.#timer?.cancel();
    this.#dueAtMs = atMs;
    this.#timer = clock.schedule(ms, () => void this.#round());
  }

  /** One sweep of everything that is due now; joins the one that runs. */
  sweep(options: { readonly orphans: boolean }): Promise<void> {
    this.#running ??= this.#sweep(options).finally(() => (this.#running = undefined));
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#running?.catch(() => {
      // Whoever began the sweep was told.
    });
  }

  async #round(): Promise<void> {
    const { clock, random, sweepEveryMs, sweepOrphansEveryMs, logger } = this.#context.options;
    this.#timer?.cancel();
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.now().getTime();
    const orphans = nowMs >= this.#orphansDueAtMs;
    try {
      await this.sweep({ orphans });
      if (orphans) this.#orphansDueAtMs = nowMs + sweepOrphansEveryMs;
    } catch (error) {
      if (!this.#closing.aborted) logger.warn('the two-phase sweep failed', { error });
    }
    this.wakeIn(sweepEveryMs * (0.8 + 0.4 * random()));
  }

  async #sweep({ orphans }: { readonly orphans: boolean }): Promise<void> {
    const { log, rest, options } = this.#context;
    for (let taken = BATCH; taken === BATCH && !this.#closing.aborted;) {
      const due = await log.due({
        limit: BATCH,
        leaseMs: leaseMs(this.#context),
        resting: rest.resting(),
      });
      await Promise.all(due.map((record) => this.#recover(record)));
      taken = due.length;
    }
    if (!orphans) return;
    for (const participant of this.#context.participants.keys()) {
      if (this.#closing.aborted) return;
      await settleOrphans(this.#context, participant, this.#closing).catch((error: unknown) => {
        if (this.#closing.aborted) return;
        options.logger.warn('a participant could not be asked what it holds prepared', {
          participant,
          error: describeError(error),
        });
      });
    }
  }

  async #recover(record: TransactionRecord): Promise<void> {
    const { transactionId } = record;
    try {
      const decided = await decide(this.#context, record, 'abort', PRESUMED);
      if (decided === undefined || decided.decision === null) return;
      const { againInMs } = await settleBranches(
        this.#context,
        decided,
        decided.decision,
        this.#closing,
      );
      if (againInMs !== undefined) this.wakeIn(againInMs);
    } catch (error) {
      if (this.#closing.aborted) return;
      // It comes again when the lease of this sweep is over.
      this.#context.options.logger.warn('a transaction in doubt could not be settled', {
        transactionId,
        error,
      });
    }
  }
}
