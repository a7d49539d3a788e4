import type { Draft } from './draft.ts';
import type { NodeMark } from './saga-state.ts';

/** Writes down that waits ended because the saga turned round. */
export function abandonWaits(
  draft: Draft,
  at: Date,
  isAbandoned: (mark: NodeMark) => boolean = () => true,
): void {
  for (const mark of draft.state.marks) {
    if (mark.kind !== 'wait' || mark.ended !== null || mark.direction !== 'forward') continue;
    if (!isAbandoned(mark)) continue;
    const { path, direction } = mark;
    draft.emit({ type: 'WaitEnded', at, path, direction, outcome: 'abandoned' });
  }
}
