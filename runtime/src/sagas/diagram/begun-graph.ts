import { compensatePolicy, forwardPolicy } from '../definition/step-options.ts';
import type { SagaState } from '../machine/saga-state.ts';
import type { SagaNode } from '../nodes/node.ts';
import type { Drawable } from './diagram.ts';

const policy = { forward: forwardPolicy({}), compensate: compensatePolicy({}) };

/** What a saga has begun, one after the other: a graph to draw where its definition is not at hand. */
export function begunGraph({ definition, definitionVersion, steps, marks }: SagaState): Drawable {
  const nodes: SagaNode[] = [];
  const addWaits = (after: number): void => {
    for (const mark of marks) {
      const isOwn = mark.kind === 'wait' && !steps.some(({ path }) => path === mark.path);
      if (!isOwn || mark.after !== after) continue;
      const { path } = mark;
      nodes.push({ kind: 'signal', path, signal: path, timeoutMs: null, onTimeout: 'fail' });
    }
  };
  for (const [at, { path, compensate }] of steps.entries()) {
    addWaits(at);
    const undo = compensate ? () => undefined : undefined;
    nodes.push({
      kind: 'step',
      path,
      compensateWhen: 'attempted',
      pivot: false,
      policy,
      execute: () => undefined,
      compensate: undo,
    });
  }
  addWaits(steps.length);
  return {
    name: definition,
    version: definitionVersion,
    root: { kind: 'sequence', path: '', children: nodes },
    nodes: new Map(nodes.map((node) => [node.path, node])),
  };
}
