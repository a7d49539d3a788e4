import { describeError } from '../../errors/describe-error.ts';
import type { Active, Failed, Note, Progress, Walk } from './node-handler.ts';

/** Nothing more to do in this direction. */
export const DONE: Progress = { kind: 'done' };

const NONE: readonly never[] = [];

/** An attempt is running. */
export const RUNNING: Active = {
  kind: 'active',
  start: NONE,
  notes: NONE,
  running: true,
  stop: NONE,
};

/** Nothing runs, and nothing is to be started now: a time or a message has to come. */
export const WAITING: Active = {
  kind: 'active',
  start: NONE,
  notes: NONE,
  running: false,
  stop: NONE,
};

/** Something is to be written down before anything else. */
export function noting(...notes: readonly Note[]): Active {
  return { kind: 'active', start: NONE, notes, running: false, stop: NONE };
}

/** The earlier of two failures; of two at once, the first. */
export function earlier(one: Failed | undefined, other: Failed): Failed {
  return one === undefined || other.failedAt.getTime() < one.failedAt.getTime() ? other : one;
}

/** The definition's own code threw where it was asked for a value. Nothing is written: once it is mended it is asked again. */
export function defect(path: string, thrown: unknown, walk: Walk): Failed {
  return {
    kind: 'failed',
    error: { ...describeError(thrown), step: path },
    pause: walk.onDefect === 'pause',
    failedAt: walk.now,
  };
}
