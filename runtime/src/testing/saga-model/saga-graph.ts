import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import type { SagaNode } from '../../sagas/nodes/node.ts';

/** Where the way from the root to a node parts from others: a node with nodes under it, and which of them is taken. */
export interface Turn {
  readonly at: SagaNode;
  readonly branch: number;
}

/** A node with a name, and the way to it from the root. */
export interface Place {
  readonly node: SagaNode;
  readonly turns: readonly Turn[];
}

/** The nodes directly under a node. */
export function childrenOf(node: SagaNode): readonly SagaNode[] {
  if (node.kind === 'sequence') return node.children;
  if (node.kind === 'parallel') return node.branches;
  return node.kind === 'choice' ? node.cases.map(({ branch }) => branch) : [];
}

/** Paths of everything with a name under a node, itself included. */
export function pathsUnder(node: SagaNode): readonly string[] {
  const own = node.kind === 'sequence' ? [] : [node.path];
  return [...own, ...childrenOf(node).flatMap(pathsUnder)];
}

/** A definition's graph, as a reader of journals needs it. */
export class SagaGraph {
  readonly definition: SagaDefinition<unknown, never>;
  readonly #places = new Map<string, Place>();

  constructor(definition: SagaDefinition<unknown, never>) {
    this.definition = definition;
    this.#add(definition.root, []);
  }

  place(path: string): Place | undefined {
    return this.#places.get(path);
  }

  /**
   * Whether the undo of one node has to wait for the undo of another: always for one that was started later, except
   * between branches that are undone at the same time. Those count, for everything outside, as one node that was started
   * when the latest step of them was.
   * @param startOf place of a node in the order of starts; -1: never started, or done before the saga began.
   */
  waitsFor(path: string, otherPath: string, startOf: (path: string) => number): boolean {
    const [one, other] = [this.place(path), this.place(otherPath)];
    if (!one || !other || one === other) return false;
    const fork = one.turns.findIndex(
      ({ at, branch }, n) => other.turns[n]?.at !== at || other.turns[n].branch !== branch,
    );
    const [mine, theirs] = [one.turns[fork], other.turns[fork]];
    if (!mine || !theirs) return false;
    if (mine.at.kind === 'parallel' && mine.at.undo === 'parallel') return false;
    if (mine.at.kind === 'sequence') return theirs.branch > mine.branch;
    const rankOf = (place: Place): number => {
      const whole = place.turns
        .slice(fork + 1)
        .find(({ at }) => at.kind === 'parallel' && at.undo === 'parallel');
      return whole ? Math.max(...pathsUnder(whole.at).map(startOf)) : startOf(place.node.path);
    };
    return rankOf(other) > rankOf(one);
  }

  /** Whether a node follows on another: comes after it in the same way, or within a choice that it is, or is it. */
  followsOn(path: string, otherPath: string): boolean {
    const [one, other] = [this.place(path), this.place(otherPath)];
    if (!one || !other) return false;
    if (one === other || one.turns.some(({ at }) => at === other.node)) return true;
    const fork = one.turns.findIndex(({ branch }, n) => other.turns[n]?.branch !== branch);
    const [mine, theirs] = [one.turns[fork], other.turns[fork]];
    return mine?.at.kind === 'sequence' && theirs !== undefined && theirs.branch < mine.branch;
  }

  #add(node: SagaNode, turns: readonly Turn[]): void {
    if (node.kind !== 'sequence') this.#places.set(node.path, { node, turns });
    for (const [branch, child] of childrenOf(node).entries()) {
      this.#add(child, [...turns, { at: node, branch }]);
    }
  }
}
