import type { Counter, Histogram, Meter } from '../../observability/meter.ts';
import type { Decision } from './two-phase-transaction.ts';

/** How a call of a participant went. */
export type CallOutcome = 'answered' | 'refused' | 'failed';

/** What a coordinator counts. */
export class TwoPhaseMetrics {
  readonly #decided: Counter;
  readonly #settled: Histogram;
  readonly #calls: Histogram;
  readonly #orphans: Counter;

  /** @param inDoubt is asked when somebody looks. */
  constructor(
    meter: Meter,
    inDoubt: () => Promise<{ readonly count: number; readonly oldestMs: number }>,
  ) {
    this.#decided = meter.counter('potter_two_phase_decisions_total', {
      help: 'Transactions this process decided.',
      labels: ['decision'],
    });
    this.#settled = meter.histogram('potter_two_phase_duration_seconds', {
      help: 'Time from the begin of a transaction until its last participant had acknowledged.',
      labels: ['decision'],
    });
    this.#calls = meter.histogram('potter_two_phase_call_duration_seconds', {
      help: 'Time a call of a participant took.',
      labels: ['participant', 'operation', 'outcome'],
    });
    this.#orphans = meter.counter('potter_two_phase_orphans_total', {
      help: 'Prepared branches found at participants that the log no longer waited for.',
      labels: ['participant'],
    });
    meter.gauge(
      'potter_two_phase_in_doubt',
      { help: 'Transactions that are undecided or not acknowledged by all.' },
      async () => (await inDoubt()).count,
    );
    meter.gauge(
      'potter_two_phase_oldest_in_doubt_seconds',
      { help: 'Age of the oldest of them.' },
      async () => (await inDoubt()).oldestMs / 1_000,
    );
  }

  decided(decision: Decision): void {
    this.#decided.add(1, { decision });
  }

  settled(decision: Decision, ageMs: number): void {
    this.#settled.record(ageMs / 1_000, { decision });
  }

  called(participant: string, operation: string, outcome: CallOutcome, seconds: number): void {
    this.#calls.record(seconds, { participant, operation, outcome });
  }

  orphan(participant: string): void {
    this.#orphans.add(1, { participant });
  }
}
