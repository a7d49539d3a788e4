import { isPotterError, type PotterError } from '../../errors/potter-error.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { MachineInput } from '../machine/machine-input.ts';
import { nextWork, type RunningAttempt as Attempt, type Work } from '../machine/next-work.ts';
import { throwIfAborted } from '../../foundation/sleep.ts';
import { fold } from '../machine/saga-snapshot.ts';
import { heldBy, type SagaState } from '../machine/saga-state.ts';
import { gaveUp, isSettled } from '../saga-status.ts';
import type { CommitOutcome, InboxEntry, Lease, SagaCommit } from '../saga-store.ts';
import { asStored } from '../stored-value.ts';
import { Alarm } from './alarm.ts';
import { Attempts } from './attempts.ts';
import {
  type CommitPlan,
  includesEndOf,
  isEmpty,
  type Ownership,
  planCommit,
} from './commit-plan.ts';
import type { EngineContext } from './engine-context.ts';
import { Lock } from './lock.ts';
import { endOf, performAttempt } from './perform-attempt.ts';
import { logFailure } from './log-failure.ts';
import { PendingInputs } from './pending-inputs.ts';
import { persist, persistAgain } from './persist.ts';
import { RunningAttempt } from './running-attempt.ts';
import { type SagaHost, sagaLost } from './saga-host.ts';
import { withoutUnstorable } from './unstorable.ts';

/**
 * A saga while this process owns it: its state, folded once and kept; its running attempts; and one writer. Inputs that
 * come while a commit is under way share the next one.
 */
export class OwnedSaga {
  readonly sagaId: string;
  readonly definition: SagaDefinition;
  readonly #context: EngineContext<unknown>;
  readonly #host: SagaHost;
  readonly #lease: Lease;
  readonly #lock = new Lock();
  readonly #alarm: Alarm;
  readonly #attempts = new Attempts();
  #state: SagaState;
  #seq: bigint;
  #snapshotSeq: bigint;
  /** Highest inbox seq that the journal reflects. */
  #inboxSeen: bigint;
  readonly #inputs: PendingInputs;
  #draining = false;
  /** The end that its parent is being told of. */
  #telling: string | null = null;
  #leaving = false;
  #gone = false;

  constructor(context: EngineContext<unknown>, host: SagaHost, ownership: Ownership) {
    this.#context = context;
    this.#host = host;
    this.#alarm = new Alarm(context.clock, () => this.tell({ kind: 'timer' }));
    this.sagaId = ownership.sagaId;
    this.definition = ownership.definition;
    this.#lease = ownership.lease;
    this.#state = ownership.state;
    this.#seq = ownership.seq;
    this.#snapshotSeq = ownership.snapshotSeq;
    this.#inboxSeen = ownership.inboxSeen;
    this.#inputs = new PendingInputs(ownership.inboxSeen);
  }

  /** Whether a commit that gives it back is under way: it may be back already, and given out again. */
  get isLeaving(): boolean {
    return this.#leaving;
  }

  /** Goes on where the journal ends. Without inputs only what it says is running is begun. */
  begin(inputs: readonly MachineInput[], inbox: readonly InboxEntry[]): void {
    this.#inputs.hear(inbox);
    if (inputs.length === 0 && this.#inputs.isEmpty) return this.#see(this.#work());
    this.#inputs.putBack(inputs);
    this.#drain();
  }

  /** Something happened. */
  tell(...inputs: readonly MachineInput[]): void {
    if (this.#gone) return;
    this.#inputs.add(inputs);
    this.#drain();
  }

  /** Looks into the inbox: a message was announced. */
  async readInbox(): Promise<void> {
    const inbox = await this.#persist(() =>
      this.#context.store.inbox(this.sagaId, this.#inputs.inboxTaken),
    );
    if (this.#gone) return;
    this.#inputs.hear(inbox);
    this.#drain();
  }

  /** Tells forward attempts to stop and hears no more of any: the next owner finds out. Undoing is left to finish. */
  abandon(reason: PotterError): void {
    this.#end();
    this.#attempts.abandon(reason);
  }

  /** The lease is lost: everything stops, undoing too, because another process does it now. */
  lose(reason: PotterError): void {
    this.#end();
    this.#attempts.drop(reason);
  }

  #drain(): void {
    if (this.#draining || this.#gone || this.#inputs.isEmpty) return;
    this.#draining = true;
    void this.#writeAll();
  }

  /** Commit by commit, each of everything that is waiting. One function, because every promise on this way counts. */
  async #writeAll(): Promise<void> {
    try {
      while (!this.#inputs.isEmpty && !this.#gone) {
        if (!this.#lock.take()) await this.#lock.turn();
        try {
          const inputs = this.#inputs.take();
          const plan = this.#plan(inputs);
          if (isEmpty(plan, this.#inboxSeen)) {
            this.#see(plan.work, plan.at);
            continue;
          }
          throwIfAborted(this.#host.alive);
          this.#leaving = plan.commit.release;
          let outcome: CommitOutcome;
          try {
            outcome = await this.#context.store.commit(plan.commit);
          } catch (error) {
            outcome = await this.#commitAgain(plan.commit, inputs, error);
          }
          if (this.#gone) return;
          if (outcome.kind === 'committed') {
            this.#adopt(plan);
          } else {
            this.#inputs.putBack(inputs);
            await this.#refused(outcome);
          }
        } finally {
          this.#lock.release();
        }
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#draining = false;
    }
  }

  async #commitAgain(
    commit: SagaCommit,
    inputs: MachineInput[],
    failed: unknown,
  ): Promise<CommitOutcome> {
    const call = (): Promise<CommitOutcome> => this.#context.store.commit(commit);
    try {
      return await persistAgain(this.#context, this.#host.alive, call, failed);
    } catch (error) {
      const now = this.#context.clock.now();
      inputs.splice(0, inputs.length, ...withoutUnstorable(this.definition, inputs, error, now));
      // The commit is made anew.
      return { kind: 'messages', inbox: [] };
    }
  }

  async #refused(outcome: Exclude<CommitOutcome, { kind: 'committed' }>): Promise<void> {
    this.#leaving = false;
    switch (outcome.kind) {
      case 'messages':
        return this.#inputs.hear(outcome.inbox);
      case 'diverged':
        await this.#catchUp();
        return;
      case 'lease-lost':
        this.lose(sagaLost(this.sagaId));
        this.#host.gone(this, 'lost');
    }
  }

  /**
   * Reads what the journal has beyond what is known here. Only this owner can have written it: by a commit whose answer
   * was lost. Inputs that it already reflects are stale by then, and the machine passes them over.
   */
  async #catchUp(): Promise<boolean> {
    const entries = await this.#persist(() =>
      this.#context.store.journal(this.sagaId, { after: this.#seq }),
    );
    const last = entries.at(-1);
    if (this.#gone || !last) return false;
    this.#inputs.forgetReflected(entries);
    this.#state = fold(this.#state, entries) ?? this.#state;
    this.#seq = last.seq;
    if (isSettled(this.#state.status) && this.#state.parentTold) this.#leave();
    else {
      this.#inputs.add([{ kind: 'timer' }]);
      this.#see(this.#work());
    }
    return true;
  }

  #plan(inputs: readonly MachineInput[]): CommitPlan {
    const { clock, random, keepMs } = this.#context;
    return planCommit(
      {
        sagaId: this.sagaId,
        definition: this.definition,
        lease: this.#lease,
        state: this.#state,
        seq: this.#seq,
        snapshotSeq: this.#snapshotSeq,
        inboxSeen: this.#inputs.inboxTaken,
      },
      inputs,
      { now: clock.now(), random, keepMs, stopping: this.#host.isStopping() },
    );
  }

  /** What was written is true now. */
  #adopt({ transition: { state }, work, commit, seq, at }: CommitPlan): void {
    this.#state = state;
    this.#seq = seq;
    this.#inboxSeen = commit.inboxSeen;
    if (commit.snapshot !== undefined) this.#snapshotSeq = this.#seq;
    if (commit.release) this.#leave();
    else this.#see(work, at);
  }

  #leave(): void {
    const { metrics } = this.#context;
    this.#end();
    const { status } = this.#state;
    if (isSettled(status)) metrics.settled(this.definition.name, status);
    this.#host.gone(this, 'released');
    if (gaveUp(status)) this.#host.needsPerson(this.sagaId, this.#state);
  }

  #work(): Work {
    return nextWork(this.definition, this.#state, this.#context.clock.now());
  }

  /**
   * Begins what is to run, stops what is to stop, and sets the one timer.
   * @param seen when the machine last looked: what was due by then has been considered, and is not waited for again.
   */
  #see(work: Work, seen?: Date): void {
    const now = this.#context.clock.now();
    const draining = this.#draining;
    // What ends at once is written when everything has been seen to.
    this.#draining = true;
    const begin = (attempt: Attempt): RunningAttempt | undefined => this.#run(attempt, now);
    this.#attempts.align(work.running, begin, () => sagaLost(this.sagaId));
    for (const order of work.stop) this.#attempts.stop(order);
    const { timerAt } = work;
    this.#alarm.set(timerAt && seen && timerAt.getTime() <= seen.getTime() ? null : timerAt, now);
    if (work.tellParent) this.#tellParent();
    this.#draining = draining;
    this.#drain();
  }

  #tellParent(): void {
    const state = this.#state;
    const { status } = state;
    const asked = state.asked.length;
    const end = `${status} ${asked}`;
    if (this.#telling === end) return;
    this.#telling = end;
    this.#persist(() => this.#host.tellParent(this.sagaId, state)).then(
      () => this.tell({ kind: 'parent-told', status, asked }),
      (error: unknown) => this.#fail(error),
    );
  }

  #run(attempt: Attempt, now: Date): RunningAttempt | undefined {
    const { sagaId, definition } = this;
    const node = definition.attempted.get(attempt.path);
    if (!node) return undefined;
    const { clock, graceMs, metrics, logger } = this.#context;
    const running = new RunningAttempt(attempt, { clock, graceMs, now }, (settlement) => {
      const { kind } = settlement;
      this.#ended(running, kind === 'given-up' ? settlement.failure.outcome : kind);
      const end = endOf(definition, running, settlement, clock);
      logFailure(logger, { sagaId, definition, state: this.#state }, settlement, end);
      this.tell(end);
    });
    if (attempt.attempt > 1) metrics.retry(definition.name, attempt.path, attempt.direction);
    const subject = { sagaId, definition, state: this.#state };
    performAttempt(this.#context, subject, node, running, () => ({
      inTransaction: (work) => this.#inTransaction(running, work),
      startChild: (child, invocation) =>
        this.#host.startChild(child, invocation, heldBy(this.#state)),
      undoChild: (child, invocation) => this.#host.undoChild(child, invocation),
    }));
    return running;
  }

  /**
   * Does the user's writes and the journal's in one transaction. The saga is locked from the user's last statement to the
   * commit's answer, so that nothing else is written in between.
   */
  async #inTransaction(
    running: RunningAttempt,
    work: (tx: unknown) => Promise<unknown>,
  ): Promise<unknown> {
    const { path, direction, attempt } = running.attempt;
    let locked = false;
    let written: CommitPlan | undefined;
    let taken: MachineInput[] = [];
    try {
      await this.#context.store.transaction(async (tx) => {
        const result = asStored(await work(tx));
        if (!this.#lock.take()) await this.#lock.turn();
        locked = true;
        running.beginCommit();
        const about = { path, direction, attempt };
        const completed: MachineInput = { kind: 'attempt-completed', ...about, result };
        for (;;) {
          taken = [...taken, ...this.#inputs.take()];
          const prepared = this.#plan([...taken, completed]);
          // Without its own entry in the journal nothing may commit, whatever else there is to write.
          if (!includesEndOf(prepared, running.attempt)) throw sagaLost(this.sagaId);
          this.#leaving = prepared.commit.release;
          const outcome = await this.#context.store.commit(prepared.commit, { transaction: tx });
          if (outcome.kind === 'committed') {
            written = prepared;
            return;
          }
          if (outcome.kind !== 'messages' || this.#gone) throw sagaLost(this.sagaId);
          this.#inputs.hear(outcome.inbox);
        }
      });
      if (this.#gone || !written) throw sagaLost(this.sagaId);
      this.#ended(running, 'completed');
      this.#adopt(written);
      return undefined;
    } catch (error) {
      this.#inputs.putBack(taken);
      // The commit may have gone through although its answer did not arrive: the journal knows.
      if (written && !this.#gone && (await this.#catchUp())) {
        this.#ended(running, 'completed');
        return undefined;
      }
      throw error;
    } finally {
      running.endCommit();
      if (locked) this.#lock.release();
      this.#drain();
    }
  }

  #ended(running: RunningAttempt, outcome: 'completed' | 'failed' | 'unknown'): void {
    running.end();
    const { clock, metrics } = this.#context;
    if (metrics.isSilent) return;
    const { path, direction } = running.attempt;
    const seconds = (clock.now().getTime() - running.startedMs) / 1000;
    metrics.attempt(this.definition.name, path, direction, outcome, seconds);
  }

  #persist<T>(call: () => Promise<T>): Promise<T> {
    return persist(this.#context, this.#host.alive, call);
  }

  /** The writer stopped: the lease is lost, or there is a defect. Either way the saga is not ours to write any more. */
  #fail(error: unknown): void {
    if (this.#gone) return;
    if (!isPotterError(error, 'ABORTED')) {
      const { logger } = this.#context;
      logger.error('A saga cannot be written; it will be taken up anew.', {
        sagaId: this.sagaId,
        error,
      });
    }
    this.lose(sagaLost(this.sagaId));
    this.#host.gone(this, 'failed');
  }

  #end(): void {
    this.#gone = true;
    this.#alarm.cancel();
  }
}
