import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import type { JournalEntry, SagaStatus } from '../../sagas/saga-event.ts';
import type { LedgerEntry } from '../participant-ledger.ts';
import { isFinished } from '../../sagas/saga-status.ts';
import { presentNameIn, underPresentNames } from './present-names.ts';
import type { Violation } from './saga-invariants.ts';

/** One saga as it ended, as far as its effects depend on it. */
export interface EndedSaga {
  readonly sagaId: string;
  readonly definition: SagaDefinition<unknown, never>;
  readonly status: SagaStatus;
  readonly journal: readonly JournalEntry[];
}

/**
 * Whether what participants did for one saga agrees with how it ended. A step that was done again after a rewind has a key
 * of its own, and is looked at like any other.
 */
export function effectViolations(
  { sagaId, definition, status, journal }: EndedSaga,
  ledger: readonly LedgerEntry[],
): readonly Violation[] {
  const found: Violation[] = [];
  const names = presentNameIn(journal);
  // A key keeps the name that its step was begun under.
  const entries = ledger
    .filter((entry) => entry.sagaId === sagaId)
    .map((entry) => ({ ...entry, step: underPresentName(entry.step, names) }));
  const story = (): string =>
    `${sagaId} is ${status}: ${entries.map(({ key, empty }) => `${key}${empty ? ' (empty)' : ''}`).join(', ')}`;
  const check = (holds: boolean, rule: string): void => {
    if (!holds) found.push({ rule, detail: story() });
  };
  const begun = new Set(
    underPresentNames(journal).flatMap(({ event }) =>
      event.type === 'AttemptStarted' ? [event.path] : [],
    ),
  );
  const remaining = new Set(remainingOf(journal));
  const forced = journal.some(({ event }) => event.type === 'UndoRequested' && event.forced);
  for (const step of new Set(entries.map((entry) => entry.step))) {
    const [path = '', generation] = step.split('~');
    const node = definition.attempted.get(path);
    const countOf = (kind: 'do' | 'undo'): number =>
      entries.filter((entry) => entry.step === step && entry.kind === kind && !entry.empty).length;
    const [done, undone] = [countOf('do'), countOf('undo')];
    check(begun.has(path), 'intent before effect');
    check(done <= 1 && undone <= 1, 'each effect at most once');
    if (!node?.compensate || (node.compensateWhen === 'forced' && !forced)) continue;
    const isLast = !entries.some((entry) => isLater(entry.step, path, generation));
    if (status === 'completed' && isLast) check(undone === 0, 'what is completed is not undone');
    else if (isFinished(status) && !(status === 'abandoned' && isLast && remaining.has(path))) {
      check(done === undone, 'no lost undo');
    }
  }
  return found;
}

/** What a saga that was abandoned says is still to be undone, by its present names. */
export function remainingOf(journal: readonly JournalEntry[]): readonly string[] {
  const events = underPresentNames(journal).map(({ event }) => event);
  const last = events.findLast(({ type }) => type === 'SagaAbandoned');
  return last?.type === 'SagaAbandoned' ? last.remaining : [];
}

function underPresentName(step: string, nameOf: (path: string) => string): string {
  const [path = '', ...generation] = step.split('~');
  return [nameOf(path), ...generation].join('~');
}

/** Whether a step of the ledger is the same one, done again after a rewind. */
function isLater(step: string, path: string, generation: string | undefined): boolean {
  const [otherPath, other] = step.split('~');
  return otherPath === path && Number(other ?? 0) > Number(generation ?? 0);
}
