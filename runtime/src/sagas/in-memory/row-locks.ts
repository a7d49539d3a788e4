import { PotterError } from '../../errors/potter-error.ts';
import type { SagaRow } from './saga-row.ts';

interface StagedWrite {
  readonly apply: () => void;
  readonly undo: () => void;
}

interface OpenTransaction {
  readonly rows: Set<SagaRow>;
  readonly writes: StagedWrite[];
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/** Rows that open transactions have written, and what becomes of them when the transaction ends. */
export class RowLocks<Tx> {
  readonly #open = new Map<Tx, OpenTransaction>();

  open(transaction: Tx): void {
    const { promise: ended, resolve: end } = deferred();
    this.#open.set(transaction, { rows: new Set(), writes: [], ended, end });
  }

  /** Locks a row until the transaction ends, and stages what is to happen to it then. */
  lock(row: SagaRow, transaction: Tx, write: StagedWrite): void {
    const open = this.#open.get(transaction);
    if (!open) {
      throw new PotterError('CLOSED', {
        message: 'The transaction is not open on this store.',
        remedy: 'Use the transaction inside the function that was given it.',
      });
    }
    row.lockedBy = transaction as object;
    open.rows.add(row);
    open.writes.push(write);
  }

  /** Ends a transaction: applies or undoes what was staged, all at once, and lets waiters on. */
  release(transaction: Tx, how: keyof StagedWrite): void {
    const open = this.#open.get(transaction);
    if (!open) return;
    this.#open.delete(transaction);
    for (const row of open.rows) row.lockedBy = null;
    for (const write of open.writes) write[how]();
    open.end();
  }

  /** Resolves when the transaction that holds this row has ended. */
  async released(row: SagaRow): Promise<void> {
    await this.#open.get(row.lockedBy as Tx)?.ended;
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  const resolvers: (() => void)[] = [];
  const promise = new Promise<void>((resolve) => resolvers.push(resolve));
  return { promise, resolve: () => resolvers.forEach((resolve) => resolve()) };
}
