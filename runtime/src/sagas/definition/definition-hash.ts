import { hash } from 'node:crypto';
import { canonicalJson } from '../../foundation/json.ts';
import { handlerOf } from '../nodes/handlers.ts';
import type { SagaNode } from '../nodes/node.ts';

/** Equal for graphs that give a journal the same meaning. */
export function definitionHash(name: string, root: SagaNode): string {
  const describe = (node: SagaNode): unknown => handlerOf(node).describe(node, describe);
  return sha256(canonicalJson({ name, graph: describe(root) }));
}

/** Equal for starts of the same saga with the same input: what makes starting under a given id repeatable. */
export function startFingerprint(definition: string, input: unknown): string {
  return sha256(canonicalJson({ definition, input: input ?? null }));
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
