import type { NodeMark, SagaState } from './saga-state.ts';

/** What of a saga comes before the node it is rewound to, in the order of their beginnings. */
export interface RewindPlace {
  /** How many of its steps. */
  readonly steps: number;
  /** Whether a decision or a wait does. */
  readonly keeps: (mark: NodeMark) => boolean;
}

/** Where a node was begun: a step, a choice or a wait. Undefined when it was not. */
export function rewindPlaceOf(
  { steps, marks }: Pick<SagaState, 'steps' | 'marks'>,
  path: string,
): RewindPlace | undefined {
  const step = steps.findIndex((begun) => begun.path === path);
  // Marks are in order too; one that was made after as many steps as come before this one was made before it.
  if (step >= 0) return { steps: step, keeps: (mark) => mark.after <= step || isOf(mark, step) };
  const mark = marks.findIndex((made) => made.path === path);
  const made = marks[mark];
  if (!made) return undefined;
  const before = new Set(marks.slice(0, mark).map(nameOf));
  return {
    steps: made.after,
    keeps: (other) => before.has(nameOf(other)) || isOf(other, made.after),
  };

  /** The wait for a child goes with its start, in whichever branch that was: the child is not begun again. */
  function isOf(other: NodeMark, kept: number): boolean {
    return steps.slice(0, kept).some((begun) => begun.path === other.path);
  }
}

function nameOf(mark: NodeMark): string {
  return mark.kind === 'wait' ? `${mark.path} ${mark.direction}` : mark.path;
}
