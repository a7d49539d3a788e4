import type { Attributes, InstrumentOptions, Meter } from 'potter-runtime/observability';

/** A meter that remembers what it is told. */
export class RecordingMeter implements Meter {
  readonly recorded: { name: string; value: number; attributes: Attributes | undefined }[] = [];
  readonly #gauges = new Map<string, () => number | Promise<number>>();

  counter(name: string) {
    return {
      add: (value: number, attributes?: Attributes) => this.#record(name, value, attributes),
    };
  }

  histogram(name: string) {
    return {
      record: (value: number, attributes?: Attributes) => this.#record(name, value, attributes),
    };
  }

  gauge(name: string, _options: InstrumentOptions, read: () => number | Promise<number>): void {
    this.#gauges.set(name, read);
  }

  /** What a gauge says now; undefined when there is none of this name. */
  async read(name: string): Promise<number | undefined> {
    return this.#gauges.get(name)?.();
  }

  of(name: string): readonly number[] {
    return this.recorded.filter((one) => one.name === name).map(({ value }) => value);
  }

  #record(name: string, value: number, attributes: Attributes | undefined): void {
    this.recorded.push({ name, value, attributes });
  }
}
