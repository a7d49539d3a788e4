import type { JournalEntry, SagaError, SagaEvent } from '../../sagas/saga-event.ts';

type Rename = (path: string) => string;
type Renamed = Readonly<Record<string, string>>;

/** Under which signal the end of a saga within a saga arrives: it keeps the name that its node was begun under. */
const CHILD_SIGNAL = 'child:';

/** What a node is called at the end of a journal, by a name that it once had in it. */
export function presentNameIn(journal: readonly JournalEntry[]): Rename {
  const renames = journal.flatMap(({ event }) =>
    event.type === 'DefinitionMigrated' ? [event.renamed] : [],
  );
  return (path) => renames.reduce(renamedBy, path);
}

/**
 * The journal of a saga that another version of its definition took over, as if its nodes had had their present names from
 * the start: what its last definition can be asked about.
 */
export function underPresentNames(journal: readonly JournalEntry[]): readonly JournalEntry[] {
  if (journal.every(({ event }) => event.type !== 'DefinitionMigrated')) return journal;
  const last = presentNameIn(journal);
  const entries: JournalEntry[] = [];
  let rename: Rename = asItIs;
  for (const { seq, event } of journal.toReversed()) {
    entries.push({ seq, event: renamedEvent(event, rename, last) });
    if (event.type !== 'DefinitionMigrated') continue;
    const { renamed } = event;
    const later = rename;
    rename = (path) => later(renamedBy(path, renamed));
  }
  return entries.toReversed();
}

const asItIs: Rename = (path) => path;

function renamedBy(path: string, renamed: Renamed): string {
  return Object.hasOwn(renamed, path) ? (renamed[path] ?? path) : path;
}

function renamedEvent(event: SagaEvent, rename: Rename, last: Rename): SagaEvent {
  switch (event.type) {
    case 'AttemptStarted':
    case 'AttemptCompleted':
    case 'Decided':
    case 'StepSkipped':
    case 'WaitStarted':
    case 'WaitEnded':
    case 'StepOverridden':
      return { ...event, path: rename(event.path) };
    case 'Rewound':
      return {
        ...event,
        path: rename(event.path),
        ...(event.kept && { kept: event.kept.map(rename) }),
      };
    case 'AttemptFailed':
    case 'RewindStarted':
      return { ...event, path: rename(event.path), error: renamedError(event.error, rename) };
    case 'CompensationStarted':
    case 'SagaCompensated':
      return { ...event, error: renamedError(event.error, rename) };
    case 'SagaFailed': {
      const error = renamedError(event.error, rename);
      return event.remaining
        ? { ...event, error, remaining: event.remaining.map(rename) }
        : { ...event, error };
    }
    case 'SagaAbandoned': {
      const error = renamedError(event.error, rename);
      return { ...event, error, remaining: event.remaining.map(rename) };
    }
    case 'SignalReceived': {
      const { name } = event;
      if (!name.startsWith(CHILD_SIGNAL)) return event;
      return { ...event, name: `${CHILD_SIGNAL}${last(name.slice(CHILD_SIGNAL.length))}` };
    }
    case 'SagaStarted':
    case 'CancelRequested':
    case 'SagaPaused':
    case 'SagaResumed':
    case 'InputEdited':
    case 'UndoRequested':
    case 'MessageIgnored':
    case 'SagaCompleted':
    case 'LocksTaken':
    case 'LocksAwaited':
    case 'ParentTold':
    case 'DefinitionMigrated':
      return event;
  }
}

function renamedError(error: SagaError, rename: Rename): SagaError {
  return error.step === null ? error : { ...error, step: rename(error.step) };
}
