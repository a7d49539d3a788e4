import { exponentialBackoff, type RetryPolicy } from '../../foundation/backoff.ts';
import { type Clock, systemClock } from '../../foundation/clock.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import { type Logger, silentLogger } from '../../foundation/logger.ts';
import { type Meter, noopMeter } from '../../observability/meter.ts';
import { noopTracer, type Tracer } from '../../observability/tracer.ts';
import type { TwoPhaseListener } from './two-phase-event.ts';
import type { TwoPhaseLog } from './two-phase-log.ts';
import type { TwoPhaseParticipant } from './two-phase-participant.ts';

/** Options of a coordinator. */
export interface TwoPhaseCoordinatorOptions {
  readonly log: TwoPhaseLog;
  /** All that may take part, now or in transactions of earlier versions of this program. */
  readonly participants: readonly TwoPhaseParticipant[];
  /**
   * An undecided transaction that its process has not been heard of for this long is aborted by the sweep. Default 1 min.
   * Participants hold their locks as long; whoever goes on with a transaction after a crash should come within it.
   */
  readonly presumeAbortAfter?: Duration;
  /** How long one call of a participant may take. Default 10 s. */
  readonly callTimeout?: Duration;
  /**
   * `in-order` (default): participants are asked one after the other, by name. What one holds prepared is locked, so that
   * two transactions over the same things, each waiting at one participant for what the other holds at the next, would
   * stand still until a timeout; in one order for all, they queue. `at-once`: faster, for participants that never wait
   * for each other's transactions. Commits and aborts are always told to all at once.
   */
  readonly prepare?: 'in-order' | 'at-once';
  /** Of a prepare that failed without a vote. Default: 3 attempts, from 100 ms, doubling, full jitter. */
  readonly prepareRetry?: RetryPolicy;
  /**
   * How long a participant is left alone after it failed to answer a commit or abort. It is asked again for ever, so
   * the attempts of this policy are not looked at. Default: from 200 ms, doubling, at most 30 s, equal jitter.
   */
  readonly settleRetry?: RetryPolicy;
  /**
   * How often the log is looked through for transactions that are due. Default 10 s, a fifth more or less by chance.
   * What this process leaves unfinished wakes the sweep by itself; looking regularly is for what dead processes left,
   * for a dead process wakes nobody.
   */
  readonly sweepEvery?: Duration;
  /** How often participants are asked what they hold prepared. Default 1 min. */
  readonly sweepOrphansEvery?: Duration;
  /** A prepared branch unknown to the log is taken back when it is older than this. Default 1 min. */
  readonly orphanAfter?: Duration;
  /** Default: the system's. The log has a clock of its own. */
  readonly clock?: Clock;
  /** Default `Math.random`. */
  readonly random?: () => number;
  readonly logger?: Logger;
  readonly meter?: Meter;
  readonly tracer?: Tracer;
  readonly onEvent?: TwoPhaseListener;
}

/** With every default in its place, and times in milliseconds. */
export interface ResolvedCoordinatorOptions {
  readonly presumeAbortAfterMs: number;
  readonly callTimeoutMs: number;
  readonly prepare: 'in-order' | 'at-once';
  readonly prepareRetry: RetryPolicy;
  readonly settleRetry: RetryPolicy;
  readonly sweepEveryMs: number;
  readonly sweepOrphansEveryMs: number;
  readonly orphanAfterMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly tracer: Tracer;
  readonly onEvent: TwoPhaseListener;
}

/** The one place of the defaults. */
export function resolveCoordinatorOptions(
  options: TwoPhaseCoordinatorOptions,
): ResolvedCoordinatorOptions {
  return {
    presumeAbortAfterMs: durationMs(options.presumeAbortAfter ?? '1m'),
    callTimeoutMs: durationMs(options.callTimeout ?? '10s'),
    prepare: options.prepare ?? 'in-order',
    prepareRetry: options.prepareRetry ?? exponentialBackoff({ maxAttempts: 3 }),
    settleRetry: {
      ...(options.settleRetry ?? exponentialBackoff({ initialDelay: '200ms', jitter: 'equal' })),
      maxAttempts: Number.POSITIVE_INFINITY,
    },
    sweepEveryMs: durationMs(options.sweepEvery ?? '10s'),
    sweepOrphansEveryMs: durationMs(options.sweepOrphansEvery ?? '1m'),
    orphanAfterMs: durationMs(options.orphanAfter ?? '1m'),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
    meter: options.meter ?? noopMeter,
    tracer: options.tracer ?? noopTracer,
    onEvent: options.onEvent ?? (() => {}),
  };
}
