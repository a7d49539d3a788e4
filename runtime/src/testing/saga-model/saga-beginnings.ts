import type { SagaEvent } from '../../sagas/saga-event.ts';

interface Begun {
  readonly key: string;
  /** How many steps had been begun by then. */
  readonly after: number;
  /** The decision by which it was passed over. */
  readonly by?: string;
}

/**
 * What of a saga was begun, in order: steps by their first attempts, and what needs none (decisions, waits, steps that were
 * skipped). A rewind makes as if what was begun from a node on had never been.
 */
export class SagaBeginnings {
  readonly steps: string[] = [];
  #others: Begun[] = [];
  #decided = '';

  /** How many steps a rewind to a node leaves alone; undefined when the node was not begun. */
  keptBy(path: string): number | undefined {
    const step = this.steps.indexOf(path);
    if (step >= 0) return step;
    return this.#others.find(({ key }) => pathOf(key) === path)?.after;
  }

  has(path: string): boolean {
    return this.keptBy(path) !== undefined;
  }

  /**
   * Reads on.
   * @returns what is as if it had never been: paths of steps, and keys of the rest (`<path>` of what was decided or skipped,
   * `<path> <direction>` of waits).
   */
  read(event: SagaEvent): {
    readonly steps: readonly string[];
    readonly others: readonly string[];
  } {
    const { type } = event;
    if (type === 'Rewound') return this.#forget(event.path, event.kept ?? []);
    if (type === 'Decided') this.#decided = event.path;
    if (type === 'AttemptStarted' && event.direction === 'forward') {
      if (!this.steps.includes(event.path)) this.steps.push(event.path);
    } else if (type === 'Decided') this.#add(event.path);
    else if (type === 'StepSkipped') this.#add(event.path, this.#decided);
    else if (type === 'WaitStarted' || type === 'StepOverridden') {
      this.#add(`${event.path} ${event.direction}`);
    }
    return { steps: [], others: [] };
  }

  #add(key: string, by?: string): void {
    if (this.#others.some((other) => other.key === key)) return;
    this.#others.push({ key, after: this.steps.length, ...(by !== undefined && { by }) });
  }

  /** As if a wait had never begun: it will begin anew. */
  drop(key: string): void {
    this.#others = this.#others.filter((other) => other.key !== key);
  }

  /** Decisions and waits that came after a node, or are it, by their paths. */
  cameAfter(path: string): readonly string[] {
    return this.#after(path).flatMap(({ key, by }) =>
      by !== undefined || key.endsWith(' compensate') ? [] : [pathOf(key)],
    );
  }

  #after(path: string): readonly Begun[] {
    const kept = this.keptBy(path) ?? this.steps.length;
    const first = this.steps.includes(path)
      ? undefined
      : this.#others.findIndex(({ key }) => pathOf(key) === path);
    return this.#others.filter(({ key, after }, at) => {
      const before = first === undefined ? after <= kept : at < first;
      // The wait for a child goes with its start.
      return !before && !this.steps.slice(0, kept).includes(pathOf(key));
    });
  }

  #forget(path: string, told: readonly string[]): ReturnType<SagaBeginnings['read']> {
    const kept = this.keptBy(path) ?? this.steps.length;
    const gone = this.#after(path).filter(
      ({ key, by }) => !told.includes(by ?? key.replace(/ forward$/, '')),
    );
    this.#others = this.#others
      .filter((other) => !gone.includes(other))
      .map((other) => ({ ...other, after: Math.min(other.after, kept) }));
    return { steps: this.steps.splice(kept), others: gone.map(({ key }) => key) };
  }
}

function pathOf(key: string): string {
  return key.split(' ')[0] ?? key;
}
