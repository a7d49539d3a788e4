import type { SagaDefinition } from 'potter-runtime/sagas';
import { choiceHandler } from '../../../runtime/src/sagas/nodes/choice.ts';
import { parallelHandler } from '../../../runtime/src/sagas/nodes/parallel.ts';
import { DONE, noting, WAITING } from '../../../runtime/src/sagas/nodes/progress.ts';
import { signalHandler } from '../../../runtime/src/sagas/nodes/signal.ts';
import { stepHandler } from '../../../runtime/src/sagas/nodes/step.ts';

/** A machine that is known to be wrong, to see who notices. */
export interface PlantedBug {
  readonly bug: string;
  /** The rule that is broken. */
  readonly rule: string;
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
];
