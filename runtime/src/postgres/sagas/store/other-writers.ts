/** Statements of this process that are looked at together: fewer would make chance of it, more would learn it late. */
const WINDOW = 8;
/** Others write when they begin this many transactions for each of this process; four with the same load begin three. */
const SHARE = 0.5;

/**
 * Whether other processes are writing now, of which there may be many that only wait. PostgreSQL numbers the transactions
 * that write, whoever begins them: what the numbers of this process's own leave out is others'.
 */
export class OtherWriters {
  #writing = false;
  #own = 0;
  /** The number of the window's first transaction. */
  #from: number | undefined;

  /** Since the last few statements of this process; false before them. */
  get areWriting(): boolean {
    return this.#writing;
  }

  /** @param transaction the number of the transaction in which this process has just written; unknown of a write alone. */
  wrote(transaction: number | undefined): void {
    this.#own += 1;
    if (transaction === undefined) return;
    if (this.#from === undefined) this.#begin(transaction);
    if (this.#own < WINDOW) return;
    this.#writing = (transaction - (this.#from ?? transaction)) / this.#own - 1 >= SHARE;
    this.#begin(transaction);
  }

  #begin(transaction: number): void {
    this.#from = transaction;
    this.#own = 0;
  }
}
