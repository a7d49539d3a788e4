import { isFinished, type SagaDefinition, type SagaEvent } from 'potter-runtime/sagas';
import { takeoverOf } from '../../../runtime/src/sagas/engine/takeover.ts';
import { acceptableMessages } from '../../../runtime/src/sagas/machine/acceptable-messages.ts';
import type { MachineInput } from '../../../runtime/src/sagas/machine/machine-input.ts';
import {
  nextWork,
  type RunningAttempt,
  summaryOf,
} from '../../../runtime/src/sagas/machine/next-work.ts';
import {
  decodeState,
  encodeState,
  fold,
} from '../../../runtime/src/sagas/machine/saga-snapshot.ts';
import type { SagaState } from '../../../runtime/src/sagas/machine/saga-state.ts';
import { begin, transition } from '../../../runtime/src/sagas/machine/transition.ts';
import { childIdOf, undoMessageId } from '../../../runtime/src/sagas/nodes/child.ts';
import type { Failure } from '../../../runtime/src/sagas/failure.ts';
import { accepts, type SagaMessage } from '../../../runtime/src/sagas/saga-message.ts';
import { word } from './random-definition.ts';

/** A saga that was driven through the machine, from its beginning to its end. */
export interface Story {
  readonly journal: readonly SagaEvent[];
  readonly state: SagaState;
  /** The definition that it ended under. */
  readonly definition: SagaDefinition;
  /** What went wrong beside the journal. */
  readonly problems: readonly string[];
}

type ChildSays = 'running' | 'asked' | 'completed' | 'compensated' | 'abandoned';
type Kind = SagaMessage['kind'];
const MESSAGES: readonly Kind[] = [
  ...(['signal', 'signal', 'signal', 'signal', 'pause', 'pause', 'pause', 'pause'] as const),
  ...(['rewind', 'rewind', 'rewind', 'rewind', 'skip', 'skip', 'resume', 'edit'] as const),
  ...(['locked', 'locked', 'locked', 'locked', 'locked', 'locked'] as const),
  ...(['cancel', 'undo', 'force-undo'] as const),
];

/** Plays everything around one saga: its steps, the sagas within it, people, the clock, and processes that die. */
export class RandomStory {
  #definition: SagaDefinition;
  /** A newer version, which processes may have instead. */
  readonly #next: SagaDefinition | undefined;
  readonly #random: () => number;
  readonly #journal: SagaEvent[] = [];
  readonly #problems: string[] = [];
  /** What the sagas within it last said of themselves, by id. */
  readonly #children = new Map<string, ChildSays>();
  /** How often each was asked to be undone, and by which messages. */
  readonly #asked = new Map<string, readonly string[]>();
  readonly #heard = new Set<string>();
  #state: SagaState;
  #nowMs = Date.UTC(2026, 0, 1);
  #messages = 0;
  /** A snapshot, and how much of the journal it has. */
  #snapshot: { readonly text: string; readonly entries: number };

  constructor(definition: SagaDefinition, random: () => number, next?: SagaDefinition) {
    this.#definition = definition;
    this.#next = next;
    this.#random = random;
    const first = begin(
      definition,
      {
        sagaId: 's',
        input: null,
        correlationId: 'c',
        trace: undefined,
        owned: random() < 0.8,
        locks: random() < 0.2 ? ['key'] : [],
      },
      this.#moment(),
    );
    this.#state = first.state;
    this.#journal.push(...first.events);
    this.#snapshot = { text: encodeState(first.state), entries: first.events.length };
  }

  /** So many things happen by chance; then everything goes well until the saga is over. */
  play(happenings: number): Story {
    for (let n = 0; n < happenings && !this.#isLeft(); n += 1) this.#happen();
    for (let n = 0; n < 500 && !this.#isOver(); n += 1) this.#goWell();
    if (!this.#isOver()) this.#problems.push(`stranded: ${this.#state.status}`);
    const definition = this.#definition;
    return { journal: this.#journal, state: this.#state, definition, problems: this.#problems };
  }

  #isOver(): boolean {
    return isFinished(this.#state.status);
  }

  /** What is over is told something all the same, now and then. */
  #isLeft(): boolean {
    return this.#isOver() && this.#random() < 0.8;
  }

  #happen(): void {
    const { running, timerAt } = this.#work();
    const what = this.#random();
    const attempt = this.#oneOf(running);
    if (what < 0.55 && attempt) return this.#take(this.#endOf(attempt));
    if (what < 0.6 && attempt) return this.#take(this.#stale(attempt));
    if (what < 0.7) return this.#recover();
    if (what < 0.8) return this.#childSays();
    if (what < 0.9) {
      const kinds = acceptableMessages(this.#definition, this.#state);
      const heard = MESSAGES.filter((kind) => kind === 'locked' || accepts(kinds, kind));
      return this.#message(this.#oneOf(heard) ?? 'signal');
    }
    const farMs = (timerAt?.getTime() ?? 0) - this.#nowMs;
    this.#nowMs += farMs > 0 && this.#random() < 0.7 ? farMs : Math.floor(this.#random() * 400);
    this.#take({ kind: 'timer' });
  }

  #goWell(): void {
    const { running, timerAt } = this.#work();
    const [attempt] = running;
    if (this.#state.lock === 'waiting') return this.#message('locked');
    if (attempt) return this.#take(this.#completed(attempt));
    const { status, paused, failure, phase } = this.#state;
    const child = this.#childOf(failure?.step ?? '');
    const says = this.#children.get(child);
    const undone = says === 'compensated' || (says === 'abandoned' && phase === 'forward');
    if (status === 'failed' && failure?.step && undone) {
      // A saga within it that was undone past the pivot stays so: a person takes it as done.
      return this.#message('skip', failure.step);
    }
    if (status === 'failed' || paused) return this.#message('resume');
    if (timerAt && this.#random() < 0.8) {
      this.#nowMs = Math.max(this.#nowMs + 1, timerAt.getTime());
      return this.#take({ kind: 'timer' });
    }
    this.#childSays('compensated');
    this.#message('signal');
  }

  #work(): ReturnType<typeof nextWork> {
    return nextWork(this.#definition, this.#state, this.#now());
  }

  #endOf(attempt: RunningAttempt): MachineInput {
    const chance = this.#random();
    const undoing = attempt.direction === 'compensate';
    if (chance < (undoing ? 0.8 : 0.65)) return this.#completed(attempt);
    const failure = (kind: Failure['kind'], outcome: Failure['outcome']): MachineInput => ({
      kind: 'attempt-failed',
      path: attempt.path,
      direction: attempt.direction,
      attempt: attempt.attempt,
      failure: { kind, outcome, error: { code: kind.toUpperCase(), message: outcome } },
    });
    if (chance < 0.75) return failure('rejected', 'failed');
    if (chance < 0.88) return failure('transient', 'failed');
    return chance < 0.95 ? failure('transient', 'unknown') : failure('defect', 'failed');
  }

  #completed(attempt: RunningAttempt): MachineInput {
    const { path, direction } = attempt;
    const node = this.#definition.attempted.get(path);
    if (node?.kind === 'child') {
      const id = this.#childOf(path);
      const before = this.#children.get(id);
      if (direction === 'forward') this.#children.set(id, before ?? 'running');
      else if (before === 'compensated') {
        this.#childIs(id, before, undoMessageId(id, attempt.attempt));
      } else {
        this.#children.set(id, 'asked');
        const ask = undoMessageId(id, attempt.attempt);
        this.#asked.set(id, [...(this.#asked.get(id) ?? []), ask]);
      }
    }
    return {
      kind: 'attempt-completed',
      path,
      direction,
      attempt: attempt.attempt,
      result: `${path} ${attempt.attempt}`,
    };
  }

  #stale({ path, direction, attempt }: RunningAttempt): MachineInput {
    return { kind: 'attempt-completed', path, direction, attempt: attempt - 1, result: 'stale' };
  }

  #childOf(path: string): string {
    const step = this.#state.steps.find((begun) => begun.path === path);
    return childIdOf('s', step?.as ?? path, step?.generation ?? 0);
  }

  /** One of the sagas within it ends, or is undone as it was asked. */
  #childSays(end?: 'compensated'): void {
    const open = [...this.#children].filter(([, says]) => says === 'running' || says === 'asked');
    const [id, says] = this.#oneOf(open) ?? [];
    if (id === undefined) return;
    const undoes = says === 'asked' || this.#random() < 0.3;
    const undone = end ?? (this.#random() < 0.3 ? 'abandoned' : 'compensated');
    this.#childIs(id, undoes ? undone : 'completed');
  }

  /** @param answers the asking that it answers, when it was over before */
  #childIs(id: string, status: Exclude<ChildSays, 'running' | 'asked'>, answers?: string): void {
    this.#children.set(id, status);
    const asked = this.#asked.get(id) ?? [];
    const path = id.split('::')[1]?.split('~')[0] ?? '';
    const error = { code: 'REFUSED', message: 'No.', step: 'a' };
    this.#post({
      kind: 'signal',
      name: `child:${path}`,
      messageId:
        answers ?? (status === 'abandoned' ? `${id}:${status}:${asked.length}` : `${id}:${status}`),
      at: this.#now(),
      value: {
        sagaId: id,
        status,
        ...(status === 'completed' ? { results: {} } : { error }),
        ...(status === 'abandoned' && { asked }),
      },
    });
  }

  /** Most often a node that was begun: of another there is little to say. */
  #node(): string {
    const { steps, marks } = this.#state;
    const begun = [...steps, ...marks].map(({ path }) => path);
    const all = [...this.#definition.nodes.keys()];
    return this.#oneOf(begun.length > 0 && this.#random() < 0.8 ? begun : all) ?? '';
  }

  #message(kind: Kind, step = this.#node()): void {
    const told = { messageId: `m-${(this.#messages += 1)}`, at: this.#now() };
    switch (kind) {
      case 'signal':
        return this.#post({ kind, name: word.name, value: told.messageId, ...told });
      case 'rewind':
      case 'skip':
        return this.#post({ kind, step, ...told });
      case 'edit':
        return this.#post({ kind, input: told.messageId, ...told });
      case 'cancel':
      case 'pause':
      case 'resume':
      case 'locked':
      case 'undo':
      case 'force-undo':
        return this.#post({ kind, ...told });
    }
  }

  /** As the store does: refused unless the state takes that kind, or the store says it itself. */
  #post(message: SagaMessage): void {
    const isOwn = message.kind === 'locked';
    if (!isOwn && !accepts(acceptableMessages(this.#definition, this.#state), message.kind)) return;
    if (this.#heard.has(message.messageId)) return;
    this.#heard.add(message.messageId);
    this.#take({ kind: 'message', message });
  }

  /** The process dies; the next one has what was written, from the start or from a snapshot. */
  #recover(): void {
    const entries = this.#entries();
    const whole = fold(undefined, entries);
    const short = fold(decodeState(this.#snapshot.text), entries.slice(this.#snapshot.entries));
    if (!whole || !short) throw new TypeError('A journal is empty.');
    for (const [how, state] of [
      ['journal', whole],
      ['snapshot', short],
    ] as const) {
      if (encodeState(state) !== encodeState(this.#state)) {
        this.#problems.push(`restored from its ${how} it is another`);
      }
    }
    this.#state = this.#random() < 0.5 ? whole : short;
    if (this.#random() < 0.5) {
      this.#snapshot = { text: encodeState(this.#state), entries: entries.length };
    }
    const isTakenUp = !this.#isOver() || this.#state.status === 'abandoned';
    if (this.#next && isTakenUp && this.#random() < 0.3) return this.#takeOver(this.#next);
    this.#take({ kind: 'recovered' });
  }

  /** The next process has another version: it goes on with that, or cannot, and the one after it has the first again. */
  #takeOver(next: SagaDefinition): void {
    const { definitionVersion } = this.#state;
    const lease = { workerId: 'w', token: 2n };
    const { inputs, fits } = takeoverOf(
      next,
      { lease, definitionVersion },
      this.#state,
      this.#now(),
    );
    const definition = fits ? next : this.#definition;
    this.#definition = next;
    this.#take(...inputs, ...this.#toldAfterItsEnd());
    this.#definition = definition;
  }

  /** What is over is taken up only to be undone. */
  #toldAfterItsEnd(): readonly MachineInput[] {
    if (!this.#isOver()) return [];
    const messageId = `m-${(this.#messages += 1)}`;
    return [{ kind: 'message', message: { kind: 'undo', messageId, at: this.#now() } }];
  }

  #take(...inputs: readonly MachineInput[]): void {
    const subject = { sagaId: 's', definition: this.#definition, state: this.#state };
    const { events, state } = transition(subject, inputs, this.#moment());
    this.#journal.push(...events);
    this.#state = state;
    const { wakeAt } = summaryOf(this.#definition, state, this.#work());
    const waits =
      state.lock === 'waiting' ||
      state.marks.some((mark) => mark.kind === 'wait' && mark.ended === null);
    const settled = isFinished(state.status) || state.status === 'failed';
    if (!settled && wakeAt === null && !waits && !state.paused) {
      this.#problems.push(`nobody comes back to it: ${state.status}`);
    }
  }

  #entries(): { readonly seq: bigint; readonly event: SagaEvent }[] {
    return this.#journal.map((event, at) => ({ seq: BigInt(at + 1), event }));
  }

  #oneOf<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  #now(): Date {
    return new Date(this.#nowMs);
  }

  #moment(): { readonly now: Date; readonly random: () => number } {
    return { now: this.#now(), random: this.#random };
  }
}
