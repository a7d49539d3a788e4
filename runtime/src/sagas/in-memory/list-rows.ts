import type { DirectoryPage, SagaBacklog, SagaFilter, SagaListing } from '../saga-directory.ts';
import { accepts } from '../saga-message.ts';
import { isFinished } from '../saga-status.ts';
import type { DefinitionVersion, SagaSummary } from '../saga-store.ts';
import type { SagaRow } from './saga-row.ts';

export function definitionKey({ name, version }: DefinitionVersion): string {
  return `${name}@${version}`;
}

/** Rows that a filter lets through, as lists show them, in the order of their ids. */
export function listRows(
  rows: readonly SagaRow[],
  filter: SagaFilter,
  { after, limit }: DirectoryPage,
): readonly SagaListing[] {
  return rows
    .map(listingOf)
    .filter((saga) => (after === undefined || saga.sagaId > after) && passes(saga, filter))
    .sort((one, other) => (one.sagaId < other.sagaId ? -1 : 1))
    .slice(0, limit);
}

/** @param known definitions whose sagas can be taken up. */
export function backlogOf(
  rows: readonly SagaRow[],
  known: ReadonlySet<string>,
  now: Date,
): SagaBacklog {
  const due = rows
    .filter(({ owner, saga: { definition: name }, definitionVersion: version, summary }) => {
      const mine = known.has(definitionKey({ name, version }));
      return mine && owner === null && (summary.wakeAt?.getTime() ?? Infinity) <= now.getTime();
    })
    .map(({ summary }) => summary.wakeAt?.getTime() ?? Infinity);
  return {
    failed: rows.filter(({ summary }) => summary.status === 'failed').length,
    oldestDueAt: due.length === 0 ? null : new Date(Math.min(...due)),
  };
}

function listingOf(row: SagaRow): SagaListing {
  const { saga, summary, definitionVersion, startedAt, updatedAt } = row;
  const { sagaId, definition, correlationId } = saga;
  const { status, currentStep, error, finishedAt } = summary;
  return {
    sagaId,
    definition,
    definitionVersion,
    correlationId,
    status,
    paused: isPaused(summary),
    currentStep,
    error,
    startedAt,
    updatedAt,
    finishedAt: finishedAt && new Date(finishedAt),
  };
}

/** Only what is paused or failed takes a resume. */
function isPaused({ status, accepts: kinds }: SagaSummary): boolean {
  return status !== 'failed' && accepts(kinds, 'resume');
}

function passes(saga: SagaListing, filter: SagaFilter): boolean {
  const { status, paused, definition, definitionVersion, currentStep, correlationId } = filter;
  const { startedFrom, startedBefore, unknownTo } = filter;
  return (
    (status === undefined || status.includes(saga.status)) &&
    (paused === undefined || paused === saga.paused) &&
    (definition === undefined || definition === saga.definition) &&
    (definitionVersion === undefined || definitionVersion === saga.definitionVersion) &&
    (currentStep === undefined || currentStep === saga.currentStep) &&
    (correlationId === undefined || correlationId === saga.correlationId) &&
    (startedFrom === undefined || saga.startedAt >= startedFrom) &&
    (startedBefore === undefined || saga.startedAt < startedBefore) &&
    (unknownTo === undefined ||
      (!isFinished(saga.status) &&
        unknownTo.every(
          ({ name, version }) => name !== saga.definition || version !== saga.definitionVersion,
        )))
  );
}
