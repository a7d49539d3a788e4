import { PotterError } from '../../errors/potter-error.ts';
import { apply, evolve } from '../machine/evolve.ts';
import type { SagaState } from '../machine/saga-state.ts';
import { draftOf, type StateDraft } from '../machine/state-draft.ts';
import type { JournalEntry, SagaEvent } from '../saga-event.ts';
import { type HistoryEntry, historyOf } from '../saga-history.ts';

/** What became of one step, over all attempts at doing it. */
export interface StepSummary {
  readonly step: string;
  /** The steps of a saga in the order in which they were begun, from 0. */
  readonly no: number;
  readonly status: HistoryEntry['status'];
  readonly attempts: number;
  readonly failures: number;
  readonly startedAt: Date;
  /** From the beginning of the first attempt to the end of the one that did it; null until then. */
  readonly durationMs: number | null;
}

/** A saga as its journal tells it, entry by entry: the same state and history that the engine shows. */
export class SagaFold {
  readonly sagaId: string;
  #state: StateDraft | undefined;
  readonly #events: SagaEvent[] = [];

  constructor(sagaId: string) {
    this.sagaId = sagaId;
  }

  /** Place of the last entry. */
  get seq(): bigint {
    return BigInt(this.#events.length);
  }

  /** @throws PotterError `SAGA_NOT_FOUND` before the first entry. */
  get state(): SagaState {
    if (this.#state !== undefined) return this.#state;
    throw new PotterError('SAGA_NOT_FOUND', {
      message: `Saga '${this.sagaId}' has no journal.`,
      details: { sagaId: this.sagaId },
    });
  }

  /** Events of a type that this version does not know only move the time of the last change. */
  add({ event }: JournalEntry): void {
    this.#events.push(event);
    if (event.type === 'SagaStarted') this.#state = draftOf(evolve(undefined, event));
    else if (this.#state !== undefined) apply(this.#state, event);
  }

  history(): readonly HistoryEntry[] {
    return historyOf(this.#events);
  }
}

/** The steps of a history, in the order in which they were begun. */
export function stepsOf(history: readonly HistoryEntry[]): readonly StepSummary[] {
  const steps = new Map<string, { -readonly [Key in keyof StepSummary]: StepSummary[Key] }>();
  for (const { step, kind, status, attempt, startedAt, finishedAt } of history) {
    const summary = steps.get(step) ?? {
      step,
      no: steps.size,
      status,
      attempts: 0,
      failures: 0,
      startedAt,
      durationMs: null,
    };
    steps.set(step, summary);
    summary.status = status;
    if (kind !== 'step') continue;
    if (attempt > 0) summary.attempts += 1;
    if (status === 'failed') summary.failures += 1;
    if (status === 'completed' && finishedAt !== null) {
      summary.durationMs = finishedAt.getTime() - summary.startedAt.getTime();
    }
  }
  return [...steps.values()];
}
