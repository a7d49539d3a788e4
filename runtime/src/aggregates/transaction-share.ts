/**
 * One of several holders of one transaction, each of whom knows only its own part of it. Made by whoever runs requests
 * together, seen by repositories: commands for one stream by holders of one transaction are appended together.
 */
export interface TransactionShare<Tx> {
  /** The transaction itself, the same for all who have a share of it. */
  readonly whole: Tx;
  /**
   * Asks to handle a command for a stream together with those of the others. `false`: this holder uses its part as a
   * transaction of its own, or the others are at another stream; then the command goes through its part.
   */
  join(stream: string): boolean;
  /** The command that joined is decided: with events in the transaction, or without having left anything there. */
  decided(wrote: boolean): void;
  /** A command failed in a way that may have left something behind: the transaction is nobody's to commit. */
  spoil(): void;
}

const shares = new WeakMap<object, TransactionShare<unknown>>();

/** Makes an object, given to somebody as its transaction, known as a share of one. */
export function markAsShare<Tx extends object>(part: Tx, share: TransactionShare<Tx>): void {
  shares.set(part, share);
}

/** The share that stands behind what looks like a transaction; undefined for one that is nobody else's. */
export function shareOf<Tx>(transaction: Tx): TransactionShare<Tx> | undefined {
  if (typeof transaction !== 'object' || transaction === null) return undefined;
  // Marked with a transaction of the same kind as itself: see markAsShare.
  return shares.get(transaction) as TransactionShare<Tx> | undefined;
}
