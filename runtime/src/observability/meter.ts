import type { Attributes } from './tracer.ts';

/** What a metric is; names are Prometheus style with the unit in them (`potter_append_duration_seconds`). */
export interface InstrumentOptions {
  readonly help: string;
  /** The attribute names it is ever recorded with. */
  readonly labels?: readonly string[];
}

/** Counts up. */
export interface Counter {
  add(value: number, attributes?: Attributes): void;
}

/** Counts observations into buckets. */
export interface Histogram {
  record(value: number, attributes?: Attributes): void;
}

/** Where the runtime reports measurements. `potter-runtime/prometheus` and `potter-runtime/otel` adapt it. */
export interface Meter {
  counter(name: string, options: InstrumentOptions): Counter;
  /** @param options.buckets upper bounds, ascending; the adapter has a default suited to seconds. */
  histogram(
    name: string,
    options: InstrumentOptions & { readonly buckets?: readonly number[] },
  ): Histogram;
  /** Registers a value that is read when somebody looks. */
  gauge(name: string, options: InstrumentOptions, read: () => number | Promise<number>): void;
}

/** Measures nothing. The default wherever a meter is optional. */
export const noopMeter: Meter = {
  counter: () => ({ add: () => {} }),
  histogram: () => ({ record: () => {} }),
  gauge: () => {},
};
