import type { SagaDefinition } from '../sagas/definition/saga-definition.ts';
import type { Direction, JournalEntry, SagaStatus } from '../sagas/saga-event.ts';
import type { LedgerEntry } from './participant-ledger.ts';

/** A broken promise of the engine: the name of the rule, and what broke it. */
export interface Violation {
  readonly rule: string;
  readonly detail: string;
}

/** Collects violations. */
class Findings {
  readonly found: Violation[] = [];

  check(holds: boolean, rule: string, detail: () => string): void {
    if (!holds) this.found.push({ rule, detail: detail() });
  }
}

/** Whether a journal tells a story that can be true. */
export function journalViolations(journal: readonly JournalEntry[]): readonly Violation[] {
  const findings = new Findings();
  const running = new Map<string, number>();
  const attempts = new Map<string, number>();
  const completed = new Set<string>();
  const starts: string[] = [];
  const undos: string[] = [];
  let phase: Direction = 'forward';
  let over = false;
  for (const [at, { seq, event }] of journal.entries()) {
    const where = (): string => `entry ${seq}: ${JSON.stringify(event)}`;
    findings.check(seq === BigInt(at + 1), 'the journal has no holes', where);
    const afterTheEnd = event.type === 'ParentTold' || event.type === 'UndoRequested';
    findings.check(!over || afterTheEnd, 'terminal is final', where);
    findings.check((at === 0) === (event.type === 'SagaStarted'), 'a journal begins once', where);
    switch (event.type) {
      case 'AttemptStarted': {
        const key = `${event.path} ${event.direction}`;
        findings.check(event.direction === phase, 'no forward after compensating', where);
        findings.check(!completed.has(key), 'what is done is not done again', where);
        findings.check(!running.has(key), 'one attempt at a time', where);
        const before = attempts.get(key) ?? 0;
        findings.check(event.attempt === before + 1, 'attempts are counted without gaps', where);
        attempts.set(key, event.attempt);
        running.set(key, event.attempt);
        if (before === 0) (event.direction === 'forward' ? starts : undos).push(event.path);
        break;
      }
      case 'AttemptCompleted':
      case 'AttemptFailed': {
        const key = `${event.path} ${event.direction}`;
        findings.check(running.get(key) === event.attempt, 'intent before effect', where);
        running.delete(key);
        if (event.type === 'AttemptCompleted') completed.add(key);
        break;
      }
      case 'CompensationStarted':
        findings.check(running.size === 0, 'undoing waits for what runs', where);
        phase = 'compensate';
        break;
      case 'SagaCompleted':
      case 'SagaCompensated':
        over = true;
        findings.check(running.size === 0, 'nothing runs when it is over', where);
        findings.check(
          (event.type === 'SagaCompleted') === (phase === 'forward'),
          'completed is forward, compensated is undone',
          where,
        );
        break;
      case 'UndoRequested':
        over = false;
        break;
      case 'Rewound':
        phase = 'forward';
        for (const path of starts.splice(starts.indexOf(event.path))) {
          for (const direction of ['forward', 'compensate']) {
            attempts.delete(`${path} ${direction}`);
            completed.delete(`${path} ${direction}`);
          }
          if (undos.includes(path)) undos.splice(undos.indexOf(path), 1);
        }
        break;
      case 'RewindStarted':
        phase = 'compensate';
        break;
      case 'StepOverridden':
        completed.add(`${event.path} ${event.direction}`);
        break;
      case 'SagaStarted':
      case 'StepSkipped':
      case 'Decided':
      case 'WaitStarted':
      case 'WaitEnded':
      case 'SignalReceived':
      case 'CancelRequested':
      case 'SagaPaused':
      case 'SagaResumed':
      case 'InputEdited':
      case 'MessageIgnored':
      case 'ParentTold':
      case 'DefinitionMigrated':
      case 'SagaFailed':
        // These may come at any time before the end.
        break;
    }
  }
  // What was done before the saga began was started first of all, and so is undone last.
  const before = undos.filter((path) => !starts.includes(path));
  const reversed = [...[...starts].reverse().filter((path) => undos.includes(path)), ...before];
  findings.check(
    JSON.stringify(reversed) === JSON.stringify(undos),
    'undone in reverse start order',
    () => `started ${starts.join(', ')}; undone ${undos.join(', ')}`,
  );
  return findings.found;
}

/** Whether the effects of one saga agree with how it ended. */
export function effectViolations(
  definition: SagaDefinition<unknown, never>,
  status: SagaStatus,
  entries: readonly LedgerEntry[],
): readonly Violation[] {
  const findings = new Findings();
  const story = (): string =>
    `${status}: ${entries.map(({ key, empty }) => `${key}${empty ? ' (empty)' : ''}`).join(', ')}`;
  const countOf = (step: string, kind: 'do' | 'undo'): number =>
    entries.filter((entry) => entry.step === step && entry.kind === kind && !entry.empty).length;
  for (const { path, compensate } of definition.attempted.values()) {
    const done = countOf(path, 'do');
    const undone = countOf(path, 'undo');
    findings.check(done <= 1 && undone <= 1, 'each effect at most once', story);
    if (status === 'completed') {
      findings.check(undone === 0, 'what is completed is not undone', story);
    } else if (status === 'compensated' && compensate) {
      findings.check(done === undone, 'no lost undo', story);
    }
  }
  return findings.found;
}
