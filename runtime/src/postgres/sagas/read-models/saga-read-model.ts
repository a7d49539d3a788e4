import { PotterError } from '../../../errors/potter-error.ts';
import { jsonCodec } from '../../../foundation/json.ts';
import type { Projection, ProjectionContext } from '../../../projections/projection.ts';
import { attributesOf } from '../../../sagas/read-models/saga-attributes.ts';
import { SagaFold, type StepSummary, stepsOf } from '../../../sagas/read-models/saga-fold.ts';
import type { SagaFeedItem } from '../../../sagas/saga-feed.ts';
import type { HistoryEntry } from '../../../sagas/saga-history.ts';
import { resultsOf } from '../../../sagas/machine/saga-state.ts';
import { isFinished } from '../../../sagas/saga-status.ts';
import { lockOf, remainingOf } from '../../../sagas/saga-view.ts';
import type { SagaStore } from '../../../sagas/saga-store.ts';
import type { PostgresTransaction } from '../../connection/client.ts';
import {
  ATTEMPT_VIEWS,
  SAGA_VIEWS,
  STEP_VIEWS,
  upsertAttempts,
  upsertSagas,
  upsertSteps,
} from './saga-read-model-sql.ts';

/** The name of the projection. */
export const SAGA_READ_MODEL = 'saga-read-model';

/** Options of {@link sagaReadModel}. */
export interface SagaReadModelOptions {
  /**
   * Where journals are read from when a saga goes on of which nothing is in memory: after a start of the process. Sealed
   * when the feed is sealed, opened when it is opened: what comes in is what stands in the rows.
   */
  readonly journals: Pick<SagaStore, 'journal'>;
  /** Sagas kept in memory between batches, so that their journals need not be read again. Default 10,000. */
  readonly keep?: number;
  /** Most commits in one transaction. Default 1,000. */
  readonly batchSize?: number;
}

/** What a saga looked like when its rows were last written. */
interface KnownSaga {
  readonly fold: SagaFold;
  /** What is in the rows; undefined: unknown, all is written. */
  written: readonly HistoryEntry[] | undefined;
  inputWritten: boolean;
}

/**
 * Sagas as rows: the tables of the component `saga-read-models`. Nothing but what the journals say goes into a row, so
 * that a rebuild gives the same bytes; each saga's row says which commit it shows, and is not moved back.
 */
export function sagaReadModel(
  options: SagaReadModelOptions,
): Projection<SagaFeedItem, PostgresTransaction> {
  const { journals, keep = 10_000, batchSize } = options;
  // A rebuild runs beside the live rows, at another place of the feed.
  const live = new SagaFolder(journals, keep);
  const building = new SagaFolder(journals, keep);
  return {
    name: SAGA_READ_MODEL,
    version: 1,
    tables: [SAGA_VIEWS, STEP_VIEWS, ATTEMPT_VIEWS].map((name) => ({ name })),
    ...(batchSize !== undefined && { batchSize }),
    handle: (items, context) => (context.building ? building : live).handle(items, context),
  };
}

class SagaFolder {
  readonly #journals: Pick<SagaStore, 'journal'>;
  readonly #keep: number;
  /** The one that was used least lately comes first. */
  #known = new Map<string, KnownSaga>();

  constructor(journals: Pick<SagaStore, 'journal'>, keep: number) {
    this.#journals = journals;
    this.#keep = keep;
  }

  async handle(
    items: readonly SagaFeedItem[],
    context: ProjectionContext<PostgresTransaction>,
  ): Promise<void> {
    const touched = new Map<string, { readonly saga: KnownSaga; position: bigint }>();
    for (const item of items) {
      const saga = await this.#sagaOf(item);
      for (const entry of item.entries) {
        saga.fold.add(entry);
        if (entry.event.type === 'InputEdited') saga.inputWritten = false;
      }
      touched.set(item.sagaId, { saga, position: item.position });
    }
    await write([...touched.values()], context);
    // Not before it is written: what fails is folded anew from the journal.
    for (const [sagaId, { saga }] of touched) {
      this.#known.delete(sagaId);
      if (!isFinished(saga.fold.state.status)) this.#known.set(sagaId, saga);
    }
    for (const sagaId of this.#known.keys()) {
      if (this.#known.size <= this.#keep) break;
      this.#known.delete(sagaId);
    }
  }

  /** The saga as it was before the item. */
  async #sagaOf({ sagaId, entries }: SagaFeedItem): Promise<KnownSaga> {
    const before = (entries[0]?.seq ?? 1n) - 1n;
    const known = this.#known.get(sagaId);
    if (known?.fold.seq === before) return known;
    const fold = new SagaFold(sagaId);
    if (before > 0n) {
      const journal = await this.#journals.journal(sagaId, { limit: Number(before) });
      for (const entry of journal) fold.add(entry);
    }
    if (fold.seq !== before) throw journalIncomplete(sagaId, before, fold.seq);
    const saga: KnownSaga = { fold, written: undefined, inputWritten: before > 0n };
    this.#known.set(sagaId, saga);
    return saga;
  }
}

async function write(
  touched: readonly { readonly saga: KnownSaga; readonly position: bigint }[],
  { transaction, table }: ProjectionContext<PostgresTransaction>,
): Promise<void> {
  const rows = touched.map(({ saga, position }) => sagaRow(saga, position));
  const written = await transaction.query<{ saga_id: string }>(
    upsertSagas(table(SAGA_VIEWS), rows),
  );
  const ids = new Set(written.rows.map((row) => row.saga_id));
  const parts = touched
    .filter(({ saga }) => ids.has(saga.fold.sagaId))
    .map(({ saga }) => partsOf(saga));
  const steps = parts.flatMap((part) => part.steps);
  const attempts = parts.flatMap((part) => part.attempts);
  if (steps.length > 0) await transaction.query(upsertSteps(table(STEP_VIEWS), steps));
  if (attempts.length > 0) await transaction.query(upsertAttempts(table(ATTEMPT_VIEWS), attempts));
  for (const { saga, history } of parts) {
    saga.written = history;
    saga.inputWritten = true;
  }
}

/** Rows of what changed since the saga was last written. */
function partsOf(saga: KnownSaga): {
  readonly saga: KnownSaga;
  readonly history: readonly HistoryEntry[];
  readonly steps: readonly object[];
  readonly attempts: readonly object[];
} {
  const { fold, written = [] } = saga;
  const history = fold.history();
  const changed = changesOf(history, written);
  const changedSteps = new Set(changed.map(([, { step }]) => step));
  const attempts = changed.map(([no, entry]) => attemptRow(fold.sagaId, no, entry));
  const steps = stepsOf(history)
    .filter(({ step }) => changedSteps.has(step))
    .map((summary) => stepRow(fold.sagaId, summary));
  return { saga, history, steps, attempts };
}

function sagaRow({ fold, inputWritten }: KnownSaga, position: bigint): object {
  const { state, sagaId } = fold;
  const error = state.failure ?? state.cause;
  const lock = lockOf(state);
  const { remaining } = remainingOf(state);
  const { startedAt, finishedAt } = state;
  return {
    saga_id: sagaId,
    definition: state.definition,
    definition_version: state.definitionVersion,
    status: state.status,
    paused: state.paused,
    current_step: state.currentStep,
    correlation_id: state.correlationId,
    started_at: startedAt.getTime(),
    updated_at: state.updatedAt.getTime(),
    finished_at: finishedAt?.getTime() ?? null,
    duration_ms: finishedAt === null ? null : finishedAt.getTime() - startedAt.getTime(),
    error: error === null ? null : jsonCodec.encode(error),
    remaining: remaining ? jsonCodec.encode(remaining) : null,
    lock: lock === null ? null : jsonCodec.encode(lock),
    // Seldom changed and often large: null leaves what is there.
    input: inputWritten || state.input === undefined ? null : jsonCodec.encode(state.input),
    results: jsonCodec.encode(resultsOf(state)),
    attributes: inputWritten ? null : attributesOf(state.input),
    seq: fold.seq.toString(),
    position: position.toString(),
  };
}

function attemptRow(sagaId: string, no: number, entry: HistoryEntry): object {
  return {
    saga_id: sagaId,
    no,
    step: entry.step,
    kind: entry.kind,
    status: entry.status,
    attempt: entry.attempt,
    started_at: entry.startedAt.getTime(),
    finished_at: entry.finishedAt?.getTime() ?? null,
    duration_ms: entry.durationMs,
    error: entry.error === null ? null : jsonCodec.encode(entry.error),
  };
}

function stepRow(sagaId: string, summary: StepSummary): object {
  return {
    saga_id: sagaId,
    step: summary.step,
    no: summary.no,
    status: summary.status,
    attempts: summary.attempts,
    failures: summary.failures,
    started_at: summary.startedAt.getTime(),
    duration_ms: summary.durationMs,
  };
}

/** What of a history is new, or other than it was, with its place. */
function changesOf(
  history: readonly HistoryEntry[],
  before: readonly HistoryEntry[],
): readonly (readonly [no: number, entry: HistoryEntry])[] {
  return [...history.entries()].filter(([no, entry]) => {
    const then = before[no];
    return entry.status !== then?.status || entry.finishedAt !== then.finishedAt;
  });
}

function journalIncomplete(sagaId: string, expected: bigint, found: bigint): PotterError {
  return new PotterError('DATABASE_ERROR', {
    message: `The journal of saga '${sagaId}' has ${found} entries where ${expected} were expected.`,
    remedy: 'Restore what was deleted from potter.saga_journal, then resume the projection.',
    details: { sagaId, expected, found },
  });
}
