import type { JsonValue } from '../../foundation/json.ts';
import type { SagaStatus } from '../saga-event.ts';
import type { SagaHistory } from '../saga-history.ts';
import type { SagaView } from '../saga-view.ts';

/** Which sagas: those for which everything that is named holds. */
export interface SagaSearch {
  readonly status?: readonly SagaStatus[] | undefined;
  readonly definition?: string | undefined;
  readonly definitionVersion?: number | undefined;
  /** Path of the step they are at. */
  readonly step?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Started then or later. */
  readonly startedAfter?: Date | undefined;
  /** Started earlier. */
  readonly startedBefore?: Date | undefined;
  /** What their input has to contain: `{ customer: { id: 'c-1' } }`. Times as ISO 8601, large numbers as text. */
  readonly attributes?: { readonly [name: string]: JsonValue } | undefined;
}

/** By what a list is in order. */
export const SAGA_SORT_FIELDS = ['startedAt', 'updatedAt', 'durationMs'] as const;

/** Ascending, or with a minus descending. Sagas that are not over have no duration and count as the shortest. */
export type SagaSort = `${'' | '-'}${(typeof SAGA_SORT_FIELDS)[number]}`;

/** Which part of a list, in which order. */
export interface SagaListQuery extends SagaSearch {
  /** Default `-startedAt`: the newest first. */
  readonly sort?: SagaSort | undefined;
  /** Default 50, at most 1,000. */
  readonly limit?: number | undefined;
  /** Passes over so many. Slow when it is large, and pages shift when sagas are started: prefer `cursor`. */
  readonly offset?: number | undefined;
  /**
   * Goes on where another page ended. In the order of `startedAt` every saga that was there at the beginning comes once,
   * whatever is started or changes meanwhile; in another order a saga that changes meanwhile may move past the reader.
   */
  readonly cursor?: string | undefined;
}

/** A saga in a list. */
export interface SagaListItem extends Omit<SagaView, 'input' | 'results'> {
  /** From its start to its end; null while it is not over. */
  readonly durationMs: number | null;
}

/** A part of a list. */
export interface SagaPage {
  readonly sagas: readonly SagaListItem[];
  /** How many there are in all, as of the same moment. */
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  /** For the page after this one; null: this is the last. */
  readonly nextCursor: string | null;
}

/** Of which sagas metrics are made: those started in a time. */
export interface SagaMetricsQuery {
  readonly definition?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** How sagas did. */
export interface SagaMetrics {
  readonly total: number;
  readonly byStatus: Readonly<Record<SagaStatus, number>>;
  /** Completed ones among those that ended or gave up, 0 to 1; null when there are none of these. */
  readonly successRate: number | null;
  /** Of those that are over, from start to end; null when there are none. */
  readonly durationMs: SagaDurations | null;
  /** Sagas that ended, a minute, from `from` (or the first start) to `to` (or the last end): at least one minute. */
  readonly throughputPerMinute: number;
  /** In the order of their names. */
  readonly steps: readonly SagaStepMetrics[];
}

/** Durations in milliseconds; percentiles are interpolated between neighbours. */
export interface SagaDurations {
  readonly average: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** How a step did. */
export interface SagaStepMetrics {
  readonly step: string;
  /** Sagas that began it. Those that passed it over are not counted. */
  readonly count: number;
  readonly attempts: number;
  /** Attempts that failed. */
  readonly failures: number;
  /** Mean time from its first attempt to its end in milliseconds, where it was done; null: nowhere. */
  readonly meanMs: number | null;
}

/**
 * Answers questions about sagas from read models, which follow the sagas a few milliseconds behind. A single saga is never
 * shown older than it is: one that the read model has not reached, or not with its last commit, comes from the sagas' own
 * store. Lists and metrics are of one moment, a little ago.
 */
export interface SagaQueryHandler {
  /** @throws PotterError `INVALID_ARGUMENT` for a cursor that is not of such a list, a limit or an offset out of range. */
  list(query?: SagaListQuery): Promise<SagaPage>;
  /** @throws PotterError `SAGA_NOT_FOUND` */
  get(sagaId: string): Promise<SagaView>;
  /** @throws PotterError `SAGA_NOT_FOUND` */
  history(sagaId: string): Promise<SagaHistory>;
  metrics(query?: SagaMetricsQuery): Promise<SagaMetrics>;
}
