import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import type { JournalEntry, SagaEvent } from '../../sagas/saga-event.ts';
import { SagaBeginnings } from './saga-beginnings.ts';
import { underPresentNames } from './present-names.ts';
import { SagaGraph } from './saga-graph.ts';

/** A broken promise of the engine: the name of the rule, and what broke it. */
export interface Violation {
  readonly rule: string;
  readonly detail: string;
}

type Definition = SagaDefinition<unknown, never>;

/** Reads a journal, event by event. @returns whether the rule still holds. */
type Reader = (event: SagaEvent) => boolean;

/** What holds for every journal, whatever happened. */
interface SagaInvariant {
  readonly rule: string;
  readonly reader: (definition: Definition) => Reader;
}

/** The events that a saga has after its end. */
const AFTER_THE_END: ReadonlySet<SagaEvent['type']> = new Set([
  'ParentTold',
  'UndoRequested',
  // Whoever is to undo it may have only a newer version.
  'DefinitionMigrated',
]);

/** The events before which everything that runs has ended. */
const TURNS: ReadonlySet<SagaEvent['type']> = new Set([
  'CompensationStarted',
  'SagaCompleted',
  'SagaCompensated',
  'SagaAbandoned',
]);

const keyOf = ({ path, direction }: { path: string; direction: string }): string =>
  `${path} ${direction}`;

/** Keys of attempts, forgotten where the saga is rewound. */
function forgetting(known: Set<string> | Map<string, unknown>, steps: readonly string[]): void {
  for (const path of steps) {
    known.delete(`${path} forward`);
    known.delete(`${path} compensate`);
  }
}

export const SAGA_INVARIANTS: readonly SagaInvariant[] = [
  {
    rule: 'a journal begins once',
    reader: () => {
      let begun = false;
      return ({ type }) => {
        const holds = begun !== (type === 'SagaStarted');
        begun = true;
        return holds;
      };
    },
  },
  {
    rule: 'terminal is final',
    reader: () => {
      let over = false;
      return ({ type }) => {
        const holds = !over || AFTER_THE_END.has(type);
        if (type === 'SagaCompleted' || type === 'SagaCompensated' || type === 'SagaAbandoned') {
          over = true;
        }
        if (type === 'UndoRequested') over = false;
        return holds;
      };
    },
  },
  {
    rule: 'no forward after compensating',
    reader: () => {
      let back = false;
      return (event) => {
        if (event.type === 'CompensationStarted' || event.type === 'RewindStarted') back = true;
        if (event.type === 'Rewound') back = false;
        return event.type !== 'AttemptStarted' || (event.direction === 'compensate') === back;
      };
    },
  },
  {
    rule: 'completed is forward, compensated is undone',
    reader: () => {
      let back = false;
      return ({ type }) => {
        if (type === 'CompensationStarted' || type === 'RewindStarted') back = true;
        if (type === 'Rewound') back = false;
        return (
          (type !== 'SagaCompleted' && type !== 'SagaCompensated' && type !== 'SagaAbandoned') ||
          (type !== 'SagaCompleted') === back
        );
      };
    },
  },
  {
    rule: 'no undo after the pivot',
    reader: ({ pivot }) => {
      let passed = false;
      let forced = false;
      return (event) => {
        if (event.type === 'AttemptCompleted' || event.type === 'StepOverridden') {
          passed ||= event.path === pivot && event.direction === 'forward';
        }
        if (event.type === 'UndoRequested') forced ||= event.forced;
        const undoes =
          event.type === 'CompensationStarted' ||
          (event.type === 'AttemptStarted' && event.direction === 'compensate');
        return !undoes || !passed || forced;
      };
    },
  },
  {
    rule: 'intent before effect',
    reader: () => {
      const running = new Map<string, number>();
      return (event) => {
        if (event.type === 'AttemptStarted') running.set(keyOf(event), event.attempt);
        if (event.type !== 'AttemptCompleted' && event.type !== 'AttemptFailed') return true;
        const holds = running.get(keyOf(event)) === event.attempt;
        running.delete(keyOf(event));
        return holds;
      };
    },
  },
  {
    rule: 'one attempt at a time, counted without gaps',
    reader: () => {
      const begun = new SagaBeginnings();
      const attempts = new Map<string, number>();
      const running = new Set<string>();
      return (event) => {
        forgetting(attempts, begun.read(event).steps);
        if (event.type === 'AttemptCompleted' || event.type === 'AttemptFailed') {
          running.delete(keyOf(event));
        }
        if (event.type !== 'AttemptStarted') return true;
        const holds =
          event.attempt === (attempts.get(keyOf(event)) ?? 0) + 1 && !running.has(keyOf(event));
        attempts.set(keyOf(event), event.attempt);
        running.add(keyOf(event));
        return holds;
      };
    },
  },
  {
    rule: 'what is done is not done again',
    reader: () => {
      const begun = new SagaBeginnings();
      const done = new Set<string>();
      return (event) => {
        forgetting(done, begun.read(event).steps);
        if (event.type === 'AttemptCompleted' || event.type === 'StepOverridden') {
          done.add(keyOf(event));
        }
        // A child that was asked to undo itself may have to be asked again, until it says that it has.
        if (event.type === 'WaitStarted' && event.direction === 'compensate') {
          done.delete(keyOf(event));
        }
        if (event.type === 'WaitEnded' && event.outcome === 'received') done.add(keyOf(event));
        return event.type !== 'AttemptStarted' || !done.has(keyOf(event));
      };
    },
  },
  {
    rule: 'undoing waits for what runs',
    reader: () => {
      const running = new Set<string>();
      let rewinding = false;
      // A person may turn a saga round in the middle of a step; then the undoing waits for it.
      let asked = false;
      return (event) => {
        if (event.type === 'RewindStarted' || event.type === 'Rewound') {
          rewinding = event.type === 'RewindStarted';
        }
        if (event.type === 'UndoRequested') asked = true;
        if (event.type === 'AttemptCompleted' || event.type === 'AttemptFailed') {
          running.delete(keyOf(event));
        }
        if (event.type !== 'AttemptStarted') {
          const turned = asked && event.type === 'CompensationStarted';
          return !TURNS.has(event.type) || running.size === 0 || turned;
        }
        running.add(keyOf(event));
        if (event.direction === 'forward') return true;
        return rewinding
          ? !running.has(`${event.path} forward`)
          : ![...running].some((key) => key.endsWith(' forward'));
      };
    },
  },
  {
    rule: 'undone in reverse start order',
    reader: (definition) => {
      const graph = new SagaGraph(definition);
      const begun = new SagaBeginnings();
      const undone: string[] = [];
      return (event) => {
        for (const path of begun.read(event).steps) {
          if (undone.includes(path)) undone.splice(undone.indexOf(path), 1);
        }
        if (event.type !== 'AttemptStarted' || event.direction !== 'compensate') return true;
        if (undone.includes(event.path)) return true;
        undone.push(event.path);
        // Nothing that is undone now may have had to come before something that was undone already.
        return !undone.some((before) =>
          graph.waitsFor(before, event.path, (path) => begun.steps.indexOf(path)),
        );
      };
    },
  },
  {
    rule: 'no lost undo',
    reader: (definition) => {
      const begun = new SagaBeginnings();
      const done = new Set<string>();
      const undone = new Set<string>();
      let forced = false;
      let isChild = false;
      return (event) => {
        if (event.type === 'SagaStarted') isChild = event.parent !== undefined;
        const forgotten = begun.read(event).steps;
        forgetting(done, forgotten);
        forgetting(undone, forgotten);
        if (event.type === 'UndoRequested') forced ||= event.forced;
        if (event.type === 'AttemptCompleted') done.add(keyOf(event));
        if (event.type === 'AttemptCompleted' || event.type === 'StepOverridden') {
          undone.add(keyOf(event));
        }
        if (event.type === 'WaitEnded' && event.outcome === 'failed') undone.delete(keyOf(event));
        // A child that was compensated by itself has nothing left to undo.
        if (event.type === 'WaitEnded' && event.direction === 'forward' && isUndone(event.value)) {
          undone.add(`${event.path} compensate`);
        }
        if (event.type !== 'SagaCompensated') return true;
        return [...definition.attempted.values()].every((node) => {
          const { path, compensate, compensateWhen, kind } = node;
          const isBegun = kind === 'already-done' || begun.steps.includes(path);
          if (!isBegun || !compensate || undone.has(`${path} compensate`)) return true;
          if (compensateWhen === 'forced') return !forced;
          // A child that was never to begin has done nothing, and nothing before it either.
          if (kind === 'already-done' && isChild && begun.steps.length === 0) return true;
          return compensateWhen === 'completed' && !done.has(`${path} forward`);
        });
      };
    },
  },
  {
    rule: 'a decision is taken once',
    reader: () => {
      const begun = new SagaBeginnings();
      const taken = new Set<string>();
      return (event) => {
        for (const key of begun.read(event).others) taken.delete(key);
        if (event.type !== 'Decided') return true;
        const holds = !taken.has(event.path);
        taken.add(event.path);
        return holds;
      };
    },
  },
  {
    rule: 'what is skipped is never begun nor undone',
    reader: () => {
      const begun = new SagaBeginnings();
      const skipped = new Set<string>();
      return (event) => {
        for (const key of begun.read(event).others) skipped.delete(key);
        if (event.type === 'StepSkipped') skipped.add(event.path);
        const begins = event.type === 'AttemptStarted' || event.type === 'WaitStarted';
        return !begins || !skipped.has(event.path);
      };
    },
  },
  {
    rule: 'a signal is heard once and used once',
    reader: () => {
      const heard = new Set<string>();
      const used = new Set<string>();
      return (event) => {
        if (event.type === 'SignalReceived') {
          const holds = !heard.has(event.messageId);
          heard.add(event.messageId);
          return holds;
        }
        if (event.type !== 'WaitEnded' || event.signalId === undefined) return true;
        const holds = heard.has(event.signalId) && !used.has(event.signalId);
        used.add(event.signalId);
        return holds;
      };
    },
  },
  {
    rule: 'every wait ends, or the saga is not over',
    reader: () => {
      const open = new Set<string>();
      return (event) => {
        if (event.type === 'WaitStarted') open.add(keyOf(event));
        if (event.type === 'WaitEnded' || event.type === 'StepOverridden') {
          open.delete(keyOf(event));
        }
        // What a rewind forgets need not end.
        if (event.type === 'Rewound' || event.type === 'SagaAbandoned') open.clear();
        return (
          (event.type !== 'SagaCompleted' && event.type !== 'SagaCompensated') || open.size === 0
        );
      };
    },
  },
  {
    rule: 'a version takes over from the one before',
    reader: () => {
      let version = 0;
      return (event) => {
        if (event.type === 'SagaStarted') version = event.definitionVersion;
        if (event.type !== 'DefinitionMigrated') return true;
        const holds = event.fromVersion === version && event.toVersion > version;
        version = event.toVersion;
        return holds;
      };
    },
  },
  {
    rule: 'a parent is told of each end once',
    reader: () => {
      let ends = 0;
      let told = 0;
      return ({ type }) => {
        if (type === 'SagaCompleted' || type === 'SagaCompensated' || type === 'SagaAbandoned') {
          ends += 1;
        }
        if (type !== 'ParentTold') return true;
        told += 1;
        return told <= ends;
      };
    },
  },
];

function isUndone(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'status' in value &&
    value.status === 'compensated'
  );
}

/** Whether a journal tells a story that can be true of a saga of this definition, the last one that it had. */
export function journalViolations(
  definition: Definition,
  journal: readonly JournalEntry[],
): readonly Violation[] {
  const readers = SAGA_INVARIANTS.map(({ rule, reader }) => ({ rule, read: reader(definition) }));
  const found: Violation[] = [];
  for (const [at, { seq, event }] of underPresentNames(journal).entries()) {
    const detail = (): string => `entry ${seq}: ${JSON.stringify(event)}`;
    if (seq !== BigInt(at + 1)) found.push({ rule: 'the journal has no holes', detail: detail() });
    for (const { rule, read } of readers) if (!read(event)) found.push({ rule, detail: detail() });
  }
  return found;
}
