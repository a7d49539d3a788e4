import type { SagaDefinition } from 'potter-runtime/sagas';
import { childHandler } from '../../../runtime/src/sagas/nodes/child.ts';
import { choiceHandler } from '../../../runtime/src/sagas/nodes/choice.ts';
import type { Progress } from '../../../runtime/src/sagas/nodes/node-handler.ts';
import { parallelHandler } from '../../../runtime/src/sagas/nodes/parallel.ts';
import { DONE, noting, WAITING } from '../../../runtime/src/sagas/nodes/progress.ts';
import { signalHandler } from '../../../runtime/src/sagas/nodes/signal.ts';
import { stepHandler } from '../../../runtime/src/sagas/nodes/step.ts';
import { timerHandler } from '../../../runtime/src/sagas/nodes/timer.ts';

/** A machine that is known to be wrong, to see who notices. */
export interface PlantedBug {
  readonly bug: string;
  /** The rule that is broken. */
  readonly rule: string;
  /** It shows only where an undo gives up, and ends the saga. */
  readonly whereAnUndoGivesUp?: true;
  /** Makes every machine of this process wrong. @returns how to make them right again. */
  readonly plant?: () => () => void;
  /** Makes a definition wrong, as a machine sees it. */
  readonly definition?: <Definition extends SagaDefinition<unknown, never>>(
    definition: Definition,
  ) => Definition;
}

/** Puts something else in the place of a handler's method. @returns how to put it back. */
function inPlaceOf<Handler, Name extends keyof Handler>(
  handler: Handler,
  name: Name,
  wrong: (right: Handler[Name]) => Handler[Name],
): () => void {
  const right = handler[name];
  handler[name] = wrong(right);
  return () => void (handler[name] = right);
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    bug: 'undos of steps are forgotten',
    rule: 'no lost undo',
    plant: () => inPlaceOf(stepHandler, 'compensate', () => () => DONE),
  },
  {
    bug: 'an undo that gave up is taken for done',
    rule: 'no lost undo',
    whereAnUndoGivesUp: true,
    plant: () =>
      inPlaceOf(stepHandler, 'compensate', (right) => (node, walk) => {
        const progress = right(node, walk);
        return progress.kind === 'failed' ? DONE : progress;
      }),
  },
  {
    bug: 'a decision is taken again',
    rule: 'a decision is taken once',
    plant: () => {
      let asked = 0;
      return inPlaceOf(choiceHandler, 'forward', (right) => (node, walk) => {
        const decision = walk.decision(node.path);
        asked += decision ? 1 : 0;
        if (!decision || asked % 4 !== 0) return right(node, walk);
        return noting({ type: 'Decided', path: node.path, branch: decision.branch });
      });
    },
  },
  {
    bug: 'the pivot is a step like any other',
    rule: 'no undo after the pivot',
    definition: (definition) => ({ ...definition, pivot: null }),
  },
  {
    bug: 'branches that run are not waited for when another one fails',
    rule: 'undoing waits for what runs',
    plant: () =>
      inPlaceOf(parallelHandler, 'forward', (right) => (node, walk) => {
        const failed = node.branches
          .map((branch) => walk.forward(branch))
          .find((progress) => progress.kind === 'failed');
        return failed ?? right(node, walk);
      }),
  },
  {
    bug: 'a signal that comes before its wait is lost',
    rule: 'model: a signal that is there is heard',
    plant: () => {
      const lost = new Set<string>();
      return inPlaceOf(signalHandler, 'forward', (right) => (node, walk) => {
        const { path, signal: name, onTimeout } = node;
        const wait = walk.wait(path, 'forward');
        const signal = walk.signal(name);
        if (!wait && signal) lost.add(signal.messageId);
        if (!wait || wait.ended || !signal || !lost.has(signal.messageId)) return right(node, walk);
        if (wait.until === null || wait.until.getTime() > walk.now.getTime()) return WAITING;
        const outcome = onTimeout === 'fail' ? 'timed-out' : 'elapsed';
        return noting({ type: 'WaitEnded', path, direction: 'forward', outcome });
      });
    },
  },
  {
    bug: 'branches are undone in the order of their starts',
    rule: 'undone in reverse start order',
    plant: () =>
      inPlaceOf(parallelHandler, 'compensate', (right) => (node, walk) => {
        const begun = node.branches.filter((branch) => walk.begun(branch));
        const next = begun.map((branch) => walk.compensate(branch)).find(isUnderWay);
        return next ?? right(node, walk);
      }),
  },
  {
    bug: 'a timer is over before its time',
    rule: 'model: no wait ends before its time',
    plant: () =>
      inPlaceOf(timerHandler, 'forward', (right) => ({ path, ...node }, walk) => {
        const wait = walk.wait(path, 'forward');
        if (!wait || wait.ended) return right({ path, ...node }, walk);
        return noting({ type: 'WaitEnded', path, direction: 'forward', outcome: 'elapsed' });
      }),
  },
  {
    bug: 'a child that is asked to undo itself is not waited for',
    rule: 'model: compensated is everything undone',
    plant: () =>
      inPlaceOf(childHandler, 'compensate', (right) => (node, walk) => {
        const asked = walk.step(node.path)?.compensate?.status === 'done';
        return asked ? DONE : right(node, walk);
      }),
  },
];

const isUnderWay = ({ kind }: Progress): boolean => kind !== 'done';
