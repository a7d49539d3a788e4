/**
 * One call to a service that takes part in the saga. The key is the same however often the call is repeated, by whichever
 * process; an undo carries the key of what it undoes, and so needs no more than that.
 */
export interface Call<Direction extends 'do' | 'undo'> {
  readonly sagaId: string;
  readonly key: `${string}/${Direction}`;
  /** Fires when the answer is no longer wanted. */
  readonly signal: AbortSignal;
}
