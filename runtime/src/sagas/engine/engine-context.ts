import { describeError } from '../../errors/describe-error.ts';
import { type Clock, systemClock } from '../../foundation/clock.ts';
import { durationMs } from '../../foundation/duration.ts';
import { thriftyClock } from '../../foundation/thrifty-clock.ts';
import { type Logger, silentLogger } from '../../foundation/logger.ts';
import { noopMeter } from '../../observability/meter.ts';
import { noopTracer, type Tracer } from '../../observability/tracer.ts';
import { PotterError } from '../../errors/potter-error.ts';
import type { SagaEngineOptions } from '../saga-engine.ts';
import type { SagaStore } from '../saga-store.ts';
import { DefinitionRegistry } from './definition-registry.ts';
import { SagaMetrics } from './saga-metrics.ts';

/** What all parts of an engine share: its options with every default filled in. */
export interface EngineContext<Tx> {
  readonly store: SagaStore<Tx>;
  readonly definitions: DefinitionRegistry;
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly metrics: SagaMetrics;
  /** Its Dates are everybody's: copy one before it is given to code of a user. */
  readonly clock: Clock;
  readonly random: () => number;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly keepMs: number;
  readonly graceMs: number;
  readonly onAttention: SagaEngineOptions['onAttention'];
  readonly concurrency: number;
}

/** Fills in defaults. @throws PotterError `INVALID_ARGUMENT`, `SAGA_DEFINITION_INVALID`. */
export function engineContext<Tx>(options: SagaEngineOptions<Tx>): EngineContext<Tx> {
  const leaseMs = durationMs(options.lease ?? '8s');
  const pollMs = durationMs(options.poll ?? '1s');
  if (pollMs <= 0 || pollMs * 3 > leaseMs) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `A poll every ${pollMs} ms cannot keep a lease of ${leaseMs} ms alive.`,
      remedy: 'Let the poll be at most a third of the lease.',
      details: { pollMs, leaseMs },
    });
  }
  const concurrency = options.concurrency ?? 1000;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `concurrency is ${concurrency}.`,
      remedy: 'Use a whole number from 1.',
      details: { concurrency },
    });
  }
  return {
    store: options.store,
    definitions: new DefinitionRegistry(options.definitions),
    logger: options.logger ?? silentLogger,
    tracer: options.tracer ?? noopTracer,
    metrics: new SagaMetrics(options.meter ?? noopMeter),
    clock: thriftyClock(options.clock ?? systemClock),
    random: options.random ?? Math.random,
    leaseMs,
    pollMs,
    keepMs: durationMs(options.keep ?? '1s'),
    graceMs: durationMs(options.grace ?? '1s'),
    onAttention: options.onAttention,
    concurrency,
  };
}

/** Log fields of an error that was dealt with: enough to act on, and the cause for the log's own formatting. */
export function errorFields(error: unknown): { readonly code: string; readonly error: unknown } {
  return { code: describeError(error).code, error };
}
