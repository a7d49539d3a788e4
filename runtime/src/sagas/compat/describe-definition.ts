import { PotterError } from '../../errors/potter-error.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import { handlerOf } from '../nodes/handlers.ts';
import type { SagaNode } from '../nodes/node.ts';

/** A definition as plain JSON, for a file that is checked in beside it: what journals of its sagas mean. */
export interface DefinitionDescription {
  readonly name: string;
  readonly version: number;
  readonly hash: string;
  /** Its nodes in order; those within others are in them. */
  readonly graph: readonly unknown[];
}

/** Describes a definition, to be compared with a later one by `checkCompat`. */
export function describeDefinition(
  definition: SagaDefinition<unknown, never>,
): DefinitionDescription {
  const { name, version, hash, root } = definition;
  const describe = (node: SagaNode): unknown => handlerOf(node).describe(node, describe);
  return { name, version, hash, graph: root.children.map(describe) };
}

/** A node as it was described. */
export type DescribedNode =
  | { readonly kind: 'parallel'; readonly path: string; readonly branches: readonly DescribedRow[] }
  | {
      readonly kind: 'choice';
      readonly path: string;
      readonly cases: readonly { readonly name: string; readonly row: DescribedRow }[];
    }
  | { readonly kind: 'wait'; readonly path: string }
  | { readonly kind: 'attempted'; readonly path: string; readonly undone: boolean };

/** Nodes one after the other. */
export type DescribedRow = readonly DescribedNode[];

/** @throws PotterError `INVALID_ARGUMENT` for JSON that no description was written as. */
export function describedRow(graph: unknown): DescribedRow {
  if (!Array.isArray(graph)) throw unreadable(graph);
  return graph.map(describedNode);
}

function describedNode(json: unknown): DescribedNode {
  if (typeof json !== 'object' || json === null) throw unreadable(json);
  const { kind, path, branches, cases, compensates } = json as Readonly<Record<string, unknown>>;
  if (typeof path !== 'string' || typeof kind !== 'string') throw unreadable(json);
  switch (kind) {
    case 'parallel':
      if (!Array.isArray(branches)) throw unreadable(json);
      return { kind, path, branches: branches.map(describedRow) };
    case 'choice':
      if (!Array.isArray(cases)) throw unreadable(json);
      return {
        kind,
        path,
        cases: (cases as readonly (readonly unknown[])[]).map(([name, row]) => ({
          name: String(name),
          row: describedRow(row),
        })),
      };
    case 'timer':
    case 'signal':
      return { kind: 'wait', path };
    default:
      return { kind: 'attempted', path, undone: compensates !== 'never' };
  }
}

function unreadable(json: unknown): PotterError {
  return new PotterError('INVALID_ARGUMENT', {
    message: `This is no description of a saga's definition: ${JSON.stringify(json)?.slice(0, 200)}.`,
    remedy: 'Write the file anew with describeDefinition, from the version that is in production.',
  });
}
