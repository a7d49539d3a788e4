import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import type { Direction, JournalEntry, SagaEvent } from '../../sagas/saga-event.ts';
import { isFinished } from '../../sagas/saga-status.ts';
import { underPresentNames } from './present-names.ts';
import { SagaGraph } from './saga-graph.ts';
import type { Violation } from './saga-invariants.ts';
import { type Front, frontOf } from './saga-model-front.ts';
import { SagaModelState } from './saga-model-state.ts';
import { ModelUndo } from './saga-model-undo.ts';

type EventOf<Type extends SagaEvent['type']> = Extract<SagaEvent, { type: Type }>;

/**
 * Says of each entry of a journal whether it may follow those before it, by the meaning of the definition alone: a plain
 * interpreter of the graph that shares no code with the machine, to check the machine with. Of a saga that another version took
 * over, the first definition says it up to there, and the last one of the whole journal, under its present names, unless
 * something was rewound or the saga was completed before.
 */
export function modelViolations(
  definition: SagaDefinition<unknown, never>,
  journal: readonly JournalEntry[],
): readonly Violation[] {
  const model = new SagaModel(definition);
  const found: Violation[] = [];
  for (const { seq, event } of toldBy(definition, journal)) {
    const why = model.refuses(event);
    if (why !== undefined) {
      found.push({ rule: `model: ${why}`, detail: `entry ${seq}: ${JSON.stringify(event)}` });
    }
    model.state.apply(event);
  }
  return found;
}

/** As much of a journal as a definition can be asked about. */
function toldBy(
  { version }: SagaDefinition<unknown, never>,
  journal: readonly JournalEntry[],
): readonly JournalEntry[] {
  const migrations = journal.filter(({ event }) => event.type === 'DefinitionMigrated');
  const [first, last] = [migrations.at(0), migrations.at(-1)?.event];
  if (!first) return journal;
  const [started] = journal;
  const before = journal.filter(({ seq }) => seq < first.seq);
  if (started?.event.type === 'SagaStarted' && started.event.definitionVersion === version) {
    return before;
  }
  // What was completed, or begun and rewound, in an older version need not be what a newer one would have begun.
  const differs = before.some(({ event: { type } }) => BY_ANOTHER.has(type));
  const isLast = last?.type === 'DefinitionMigrated' && last.toVersion === version;
  return isLast && !differs ? underPresentNames(journal) : [];
}

const BY_ANOTHER: ReadonlySet<SagaEvent['type']> = new Set(['SagaCompleted', 'Rewound']);

class SagaModel {
  readonly state: SagaModelState;
  readonly #definition: SagaDefinition<unknown, never>;
  readonly #graph: SagaGraph;
  readonly #undo: ModelUndo;

  constructor(definition: SagaDefinition<unknown, never>) {
    this.#definition = definition;
    this.#graph = new SagaGraph(definition);
    this.state = new SagaModelState(definition);
    this.#undo = new ModelUndo(definition, this.state);
  }

  /** Why an event cannot follow; undefined when it can. */
  refuses(event: SagaEvent): string | undefined {
    const { state } = this;
    const { status } = state;
    if (isFinished(status) && !state.undoRequested) return this.#afterTheEnd(event);
    if ('messageId' in event && state.heard.has(event.messageId)) {
      return 'a message is heard once';
    }
    switch (event.type) {
      case 'AttemptStarted':
        if (state.needsLock) return 'nothing is begun before its keys are its own';
        return event.direction === 'forward' ? this.#forward(event) : this.#undoing(event);
      case 'AttemptCompleted':
      case 'AttemptFailed':
        return this.#attemptEnded(event);
      case 'Decided':
        if (state.needsLock) return 'nothing is begun before its keys are its own';
        return this.#decided(event);
      case 'StepSkipped':
        return this.#skipped(event);
      case 'WaitStarted':
        return this.#waitStarted(event);
      case 'WaitEnded':
        return this.#waitEnded(event);
      case 'CompensationStarted':
        return this.#turnsRound(event);
      case 'SagaCompleted':
        if (state.phase !== 'forward' || this.#front().kind !== 'done')
          return 'completed is everything done';
        return state.cancelled && !state.pivotPassedOrInDoubt
          ? 'an accepted cancel wins'
          : undefined;
      case 'SagaCompensated':
        if (state.phase !== 'compensate' || state.rewindTo !== null)
          return 'compensated is everything undone';
        return this.#undo.isQuiet && this.#undo.left().length === 0
          ? undefined
          : 'compensated is everything undone';
      case 'SagaFailed':
        return this.#failed(event);
      case 'SagaAbandoned':
        return this.#abandoned(event);
      case 'Rewound':
        if (event.path !== state.rewindTo || !this.#undo.isQuiet || this.#undo.left().length > 0)
          return 'rewound is everything undone from that step on';
        return this.#keptRightly(event);
      case 'SagaResumed':
        return state.paused || status === 'failed'
          ? undefined
          : 'only what stands still is resumed';
      case 'SagaPaused':
        return state.paused ? 'only what goes on is paused' : undefined;
      case 'StepOverridden':
        return this.#overridden(event);
      case 'RewindStarted':
        if (state.pivotPassedOrInDoubt) return 'no undo after the pivot';
        return state.phase === 'forward' && state.begun.has(event.path)
          ? undefined
          : 'only what was begun is rewound to';
      case 'UndoRequested':
        return event.forced && (status === 'failed' || state.paused)
          ? undefined
          : 'an undoing is asked for at the end';
      case 'LocksTaken':
        return state.lock === 'waiting' ? undefined : 'only who waits is given keys';
      case 'LocksAwaited':
        return state.needsLock && state.lock === 'none'
          ? undefined
          : 'only who gave keys up waits for them';
      case 'ParentTold':
        return 'a parent is told of an end';
      case 'SagaStarted':
      case 'SignalReceived':
      case 'CancelRequested':
      case 'InputEdited':
      case 'MessageIgnored':
      case 'DefinitionMigrated':
        return undefined;
    }
  }

  /** Other branches keep what they decided and waited for, unless it follows on something that was undone. */
  #keptRightly({ path, kept = [] }: EventOf<'Rewound'>): string | undefined {
    const { begun } = this.state;
    const undone = [path, ...begun.steps.slice(begun.keptBy(path))];
    const stays = begun
      .cameAfter(path)
      .filter((other) => undone.every((step) => !this.#graph.followsOn(other, step)));
    return JSON.stringify([...kept].sort()) === JSON.stringify([...new Set(stays)].sort())
      ? undefined
      : `a rewind leaves alone what follows on nothing that is undone: ${stays.join(', ')}`;
  }

  #afterTheEnd(event: SagaEvent): string | undefined {
    const { state } = this;
    if (event.type === 'ParentTold') {
      return state.parentTold ? 'a parent is told of an end once' : undefined;
    }
    if (state.status === 'compensated') return 'terminal is final';
    // Whoever is to undo it may have only a newer version.
    if (event.type === 'DefinitionMigrated') return undefined;
    if (event.type !== 'UndoRequested') return 'terminal is final';
    return state.pastPivot && !event.forced ? 'no undo after the pivot' : undefined;
  }

  #forward({ path, direction, attempt, at }: EventOf<'AttemptStarted'>): string | undefined {
    const { state } = this;
    if (state.phase !== 'forward') return 'no forward after compensating';
    const refusal = this.#mayBegin(path, direction, attempt, at);
    if (refusal !== undefined) return refusal;
    if (state.isStopped(at)) return 'nothing is begun by what is to stop';
    if (state.skipped.has(path)) return 'what is skipped is never begun';
    return this.#isNext(path, at) ? undefined : 'each node in its turn';
  }

  #mayBegin(path: string, direction: Direction, attempt: number, at: Date): string | undefined {
    const { state } = this;
    const tries = state.triesOf(path, direction);
    if (state.paused) return 'nothing is begun while paused';
    if (state.status === 'failed') return 'nothing is begun while a person is waited for';
    if (attempt !== (tries?.attempt ?? 0) + 1) return 'attempts are counted without gaps';
    switch (tries?.status) {
      case 'running':
        return 'one attempt at a time';
      case 'done':
        return 'what is done is not done again';
      case 'exhausted':
        return 'what gave up is not tried again';
      case 'waiting':
        return tries.dueMs > at.getTime() ? 'no retry before its time' : undefined;
      case undefined:
        return undefined;
    }
  }

  #undoing({ path, direction, attempt, at }: EventOf<'AttemptStarted'>): string | undefined {
    const { state } = this;
    if (state.phase !== 'compensate') return 'no undo while going forward';
    if (state.pastPivot && !state.forced) return 'no undo after the pivot';
    const refusal = this.#mayBegin(path, direction, attempt, at);
    if (refusal !== undefined) return refusal;
    if (!this.#undo.isInScope(path) || !this.#undo.isNeeded(path))
      return 'only what is to be undone is';
    if (state.triesOf(path, 'forward')?.status === 'running') return 'undoing waits for what runs';
    const before = this.#undo
      .left()
      .some((other) => other !== path && this.#graph.waitsFor(path, other, state.startOf));
    return before ? 'undone in reverse start order' : undefined;
  }

  #attemptEnded(event: EventOf<'AttemptCompleted' | 'AttemptFailed'>): string | undefined {
    const { path, direction, attempt } = event;
    const tries = this.state.triesOf(path, direction);
    if (tries?.status !== 'running' || tries.attempt !== attempt) return 'intent before effect';
    if (event.type === 'AttemptCompleted') {
      const isPivot = path === this.#definition.pivot && direction === 'forward';
      return (event.pivot ?? false) === isPivot ? undefined : 'the pivot is the pivot';
    }
    if (event.error.code === 'SAGA_STEP_INTERRUPTED' || event.retryAt === null) return undefined;
    const policy = this.#definition.attempted.get(path)?.policy[direction];
    return policy && tries.failures + 1 >= policy.retry.maxAttempts
      ? 'no more retries than the policy has'
      : undefined;
  }

  #decided({ path, branch, at }: EventOf<'Decided'>): string | undefined {
    const { state } = this;
    const node = this.#definition.nodes.get(path);
    if (state.decisions.has(path)) return 'a decision is taken once';
    if (node?.kind !== 'choice') return 'only a choice is decided';
    if (branch !== null && !node.cases.some(({ name }) => name === branch)) {
      return 'a decision names a case';
    }
    return this.#mayNote(path, at);
  }

  #skipped({ path }: EventOf<'StepSkipped'>): string | undefined {
    const { state } = this;
    if (state.begun.steps.includes(path)) return 'what was begun is not skipped';
    if (state.skipped.has(path)) return 'what is skipped is skipped once';
    const turns = this.#graph.place(path)?.turns ?? [];
    const passed = turns.some(({ at, branch }) => {
      if (at.kind !== 'choice') return false;
      const decision = state.decisions.get(at.path);
      return decision !== undefined && at.cases[branch]?.name !== decision;
    });
    return passed ? undefined : 'only what is not taken is skipped';
  }

  #waitStarted({ path, direction, at }: EventOf<'WaitStarted'>): string | undefined {
    const { state } = this;
    const node = this.#definition.nodes.get(path);
    if (state.waitOf(path, direction)) return 'a wait begins once';
    if (direction === 'forward') {
      if (node?.kind === 'child' && state.triesOf(path, 'forward')?.status !== 'done') {
        return 'a child is begun before it is waited for';
      }
      return this.#mayNote(path, at);
    }
    if (state.phase !== 'compensate') return 'no undo while going forward';
    return state.triesOf(path, 'compensate')?.status === 'done'
      ? undefined
      : 'a child is asked before it is waited for';
  }

  #waitEnded(event: EventOf<'WaitEnded'>): string | undefined {
    const { path, direction, at, outcome, signalId } = event;
    const { state } = this;
    const wait = state.waitOf(path, direction);
    if (!wait || wait.outcome !== null) return 'a wait ends once';
    if (outcome === 'abandoned') {
      return direction === 'forward' ? undefined : 'the wait for an undo is not abandoned';
    }
    if (direction !== state.phase) return 'a wait ends in its own direction';
    const node = this.#definition.nodes.get(path);
    const name = node?.kind === 'signal' ? node.signal : `child:${path}`;
    const there = state.signals.find((signal) => signal.name === name);
    if (outcome === 'received' || outcome === 'failed') {
      if (outcome === 'failed' && (node?.kind !== 'child' || direction === 'forward')) {
        return 'a wait ends as it is defined';
      }
      const used = state.signals.find(({ messageId }) => messageId === signalId);
      if (used?.name !== name) return 'a signal is used once';
      if (node?.kind === 'signal' && used !== there) return 'signals are used in order';
    } else {
      if (wait.untilMs === null || wait.untilMs > at.getTime())
        return 'no wait ends before its time';
      if (node?.kind === 'signal' && there) return 'a signal that is there is heard';
      const expected = node?.kind === 'signal' && node.onTimeout === 'fail';
      if ((outcome === 'timed-out') !== expected) return 'a wait ends as it is defined';
    }
    return direction === 'forward' ? this.#mayNote(path, at) : undefined;
  }

  /** Whether something may be written down that needs no attempt. */
  #mayNote(path: string, at: Date): string | undefined {
    const { state } = this;
    if (state.phase !== 'forward') return 'no forward after compensating';
    if (state.paused || state.status === 'failed') return 'nothing is begun while paused';
    if (state.isStopped(at)) return 'nothing is begun by what is to stop';
    return this.#isNext(path, at) ? undefined : 'each node in its turn';
  }

  #isNext(path: string, at: Date): boolean {
    const front = this.#front(at);
    return front.kind === 'open' && front.next.includes(path);
  }

  #overridden({ path, direction }: EventOf<'StepOverridden'>): string | undefined {
    const { state } = this;
    if (direction !== state.phase) return 'a step is overridden in the direction of the saga';
    const tries = state.triesOf(path, direction);
    if (tries?.status === 'running') return 'only what stands still is overridden';
    if (tries && tries.status !== 'done') return undefined;
    const waits = state.waitOf(path, direction)?.outcome === null;
    return waits || state.status === 'failed' ? undefined : 'what is done is not overridden';
  }

  #turnsRound({ at, error }: EventOf<'CompensationStarted'>): string | undefined {
    const { state } = this;
    if (state.undoRequested) return undefined;
    if (!this.#undo.isQuiet) return 'undoing waits for what runs';
    if (state.pivotPassedOrInDoubt) return 'no undo after the pivot';
    if (state.phase !== 'forward') return 'it turns round once';
    for (const [key, { outcome }] of state.waits) {
      if (outcome === null && key.endsWith(' forward')) return 'every wait ends';
    }
    // A child that its parent undid before it was there.
    if (state.hasParent && state.begun.steps.length === 0) return undefined;
    if (state.isStopped(at)) return undefined;
    const front = this.#front();
    if (front.kind === 'failed') return front.pause ? 'a person decides' : undefined;
    const asked = this.#definition.onDefect === 'compensate' && this.#isDefect(error.step);
    return asked ? undefined : 'nothing is undone without a reason';
  }

  /** Whether an error may come from the definition's own code: a condition, or a time to wake up. */
  #isDefect(step: string | null): boolean {
    const kind = step === null ? undefined : this.#definition.nodes.get(step)?.kind;
    return kind === 'choice' || kind === 'timer';
  }

  #failed({ error, remaining }: EventOf<'SagaFailed'>): string | undefined {
    const { state } = this;
    if (error.code === 'SAGA_DEFINITION_CHANGED') return undefined;
    if (!this.#undo.isQuiet) return 'it fails when nothing runs';
    if (state.phase === 'forward') {
      const front = this.#front();
      if (front.kind !== 'failed') {
        return this.#isDefect(error.step) ? undefined : 'it fails for a reason';
      }
      return front.pause || state.pivotPassedOrInDoubt ? undefined : 'what can be undone is';
    }
    // A person is at it, or nobody knows what takes its processes down.
    const waits = state.paused || state.rewindTo !== null || this.#undo.gaveUp(true);
    if (this.#definition.onCompensationFailure === 'fail' && !waits) {
      return 'what is to end where an undo gives up waits for nobody';
    }
    return this.#leaves(remaining);
  }

  #abandoned({ remaining }: EventOf<'SagaAbandoned'>): string | undefined {
    const { state } = this;
    if (!this.#undo.isQuiet) return 'it fails when nothing runs';
    if (this.#definition.onCompensationFailure !== 'fail') return 'only what is to end there does';
    if (state.phase !== 'compensate') return 'only an undoing is abandoned';
    if (state.paused || state.rewindTo !== null) return 'a person decides';
    return this.#leaves(remaining);
  }

  /** Why what an undoing that gave up says it leaves is not what it leaves. */
  #leaves(remaining: readonly string[] | undefined): string | undefined {
    if (!this.#undo.gaveUp()) return 'it fails for a reason';
    const left = this.#undo.left(true);
    const named = [...(remaining ?? [])].sort();
    return JSON.stringify(named) === JSON.stringify([...left].sort())
      ? undefined
      : `what remains to be undone is told: ${left.join(', ')}`;
  }

  #front(at?: Date): Front {
    return frontOf(this.#definition.root, this.state, at);
  }
}
