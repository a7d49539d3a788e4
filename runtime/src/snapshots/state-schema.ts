import { createHash } from 'node:crypto';
import { canonicalJson } from '../foundation/json.ts';

/** How an aggregate's state is written into snapshots and read back. */
export interface StateSchema<State> {
  /** Raise it with every change of the state's form or of what `evolve` computes; older snapshots are then replayed. */
  readonly version: number;
  /** State to plain data. Needed when the state holds what JSON does not: a Map, a Set, an instance of a class. */
  readonly toJson: (state: State) => unknown;
  /** The inverse of `toJson`. Throw when the data is not usable: the snapshot is then ignored. */
  readonly fromJson: (json: unknown) => State;
}

/**
 * A short hash of what a state of this schema looks like at the beginning. Adding, removing or renaming a field of the
 * initial state changes it, so that the commonest change without a new version number is noticed all the same.
 */
export function stateShape<State>(schema: StateSchema<State>, initial: State): string {
  const text = `${schema.version} ${canonicalJson(schema.toJson(initial) ?? null)}`;
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
