import type { Attributes, Meter } from 'potter-runtime/observability';

/** A meter that remembers what it is told. */
export class RecordingMeter implements Meter {
  readonly recorded: { name: string; value: number; attributes: Attributes | undefined }[] = [];

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

  gauge(): void {}

  of(name: string): readonly number[] {
    return this.recorded.filter((one) => one.name === name).map(({ value }) => value);
  }

  #record(name: string, value: number, attributes: Attributes | undefined): void {
    this.recorded.push({ name, value, attributes });
  }
}
