import { type Counter, type Histogram, type Meter, noopMeter } from '../../observability/meter.ts';
import type { Direction, SagaStatus } from '../saga-event.ts';

/** What an engine counts. */
export class SagaMetrics {
  readonly #started: Counter;
  readonly #settled: Counter;
  readonly #attempts: Histogram;
  readonly #retries: Counter;
  readonly #leasesLost: Counter;
  readonly #takeovers: Counter;
  readonly #storeErrors: Counter;
  readonly #meter: Meter;
  /** Nobody measures: then nothing is put together for what is counted often. */
  readonly isSilent: boolean;

  constructor(meter: Meter) {
    this.#meter = meter;
    this.isSilent = meter === noopMeter;
    this.#started = meter.counter('potter_sagas_started_total', {
      help: 'Sagas accepted by this process.',
      labels: ['definition'],
    });
    this.#settled = meter.counter('potter_sagas_settled_total', {
      help: 'Sagas this process brought to an end, or to a person.',
      labels: ['definition', 'status'],
    });
    this.#attempts = meter.histogram('potter_saga_attempt_duration_seconds', {
      help: 'Time an attempt at a step took.',
      labels: ['definition', 'step', 'direction', 'outcome'],
    });
    this.#retries = meter.counter('potter_saga_retries_total', {
      help: 'Attempts after the first.',
      labels: ['definition', 'step', 'direction'],
    });
    this.#leasesLost = meter.counter('potter_saga_leases_lost_total', {
      help: 'Times this process lost the right to run its sagas.',
    });
    this.#takeovers = meter.counter('potter_saga_takeovers_total', {
      help: 'Sagas taken over from a process that died, stopped or stalled.',
      labels: ['definition'],
    });
    this.#storeErrors = meter.counter('potter_saga_store_errors_total', {
      help: 'Failed calls of the saga store that were tried again.',
      labels: ['code'],
    });
  }

  /** Values that are read when somebody looks. */
  watch(owned: () => number, unclaimable: () => number): void {
    this.#meter.gauge('potter_sagas_owned', { help: 'Sagas this process runs now.' }, owned);
    this.#meter.gauge(
      'potter_sagas_definition_unknown',
      { help: 'Unfinished sagas of definitions or versions this process was not given.' },
      unclaimable,
    );
  }

  /** The same, of the whole store: every process says the same. */
  watchBacklog(failed: () => Promise<number>, oldestDueSeconds: () => Promise<number>): void {
    this.#meter.gauge(
      'potter_sagas_failed',
      { help: 'Sagas that gave up and wait for a person.' },
      failed,
    );
    this.#meter.gauge(
      'potter_sagas_oldest_due_seconds',
      { help: 'How long the saga has waited to be taken up that has waited the longest.' },
      oldestDueSeconds,
    );
  }

  started(definition: string): void {
    this.#started.add(1, { definition });
  }

  settled(definition: string, status: SagaStatus): void {
    this.#settled.add(1, { definition, status });
  }

  attempt(
    definition: string,
    step: string,
    direction: Direction,
    outcome: 'completed' | 'failed' | 'unknown',
    seconds: number,
  ): void {
    this.#attempts.record(seconds, { definition, step, direction, outcome });
  }

  retry(definition: string, step: string, direction: Direction): void {
    this.#retries.add(1, { definition, step, direction });
  }

  leaseLost(): void {
    this.#leasesLost.add(1);
  }

  takeover(definition: string): void {
    this.#takeovers.add(1, { definition });
  }

  storeError(code: string): void {
    this.#storeErrors.add(1, { code });
  }
}
