/** Rows of a read model in memory, by key. */
export type InMemoryRows = Map<string, unknown>;

/** The transaction of the in-memory projection store. Values are replaced, never changed in place. */
export interface InMemoryReadModel {
  /** A table, by the name that the context gives; empty when nobody wrote to it yet. */
  rows(table: string): InMemoryRows;
}

/** Tables in memory. What a transaction wrote is seen once it commits. */
export class InMemoryTables {
  readonly #tables = new Map<string, InMemoryRows>();

  /** A copy of the committed rows. */
  rows(table: string): InMemoryRows {
    return new Map(this.#tables.get(table));
  }

  drop(table: string): void {
    this.#tables.delete(table);
  }

  /** Puts one table in the place of another. */
  replace(table: string, by: string): void {
    this.#tables.set(table, this.#tables.get(by) ?? new Map());
    this.#tables.delete(by);
  }

  /** Opens a transaction. Two at once must not write the same table. */
  begin(): { readonly transaction: InMemoryReadModel; commit(): void } {
    const written = new Map<string, InMemoryRows>();
    return {
      transaction: {
        rows: (table) => {
          const known = written.get(table) ?? this.rows(table);
          written.set(table, known);
          return known;
        },
      },
      commit: () => {
        for (const [table, rows] of written) this.#tables.set(table, rows);
      },
    };
  }
}
