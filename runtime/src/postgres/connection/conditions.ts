/** Conditions of one statement, joined by `and`, with their parameters. */
export class Conditions {
  readonly values: unknown[];
  readonly #terms: string[];

  constructor(terms: readonly string[] = [], values: readonly unknown[] = []) {
    this.#terms = [...terms];
    this.values = [...values];
  }

  /** Adds `<left> $n::<type>`. */
  add(left: string, value: unknown, type = 'text'): void {
    this.values.push(value);
    const parameter = `$${this.values.length}::${type}`;
    this.#terms.push(left.endsWith('any') ? `${left}(${parameter})` : `${left} ${parameter}`);
  }

  /** Adds a comparison of rows: `(<a>, <b>) < ($n, $m)`. */
  addRow(
    columns: readonly string[],
    operator: '<' | '>',
    values: readonly (readonly [value: unknown, type: string])[],
  ): void {
    const parameters = values.map(([value, type]) => {
      this.values.push(value);
      return `$${this.values.length}::${type}`;
    });
    this.#terms.push(`(${columns.join(', ')}) ${operator} (${parameters.join(', ')})`);
  }

  copy(): Conditions {
    return new Conditions(this.#terms, this.values);
  }

  sql(): string {
    return this.#terms.length === 0 ? '' : `where ${this.#terms.join(' and ')}`;
  }
}
