import {
  Counter as PromCounter,
  collectDefaultMetrics,
  Gauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';
import type { MetricsSource } from '../http/operations/metrics-source.ts';
import type { Counter, Histogram, InstrumentOptions } from '../observability/meter.ts';
import type { Attributes } from '../observability/tracer.ts';

/** Suited to seconds: from a fast statement to a slow step. */
const DEFAULT_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** Options of {@link PrometheusMeter}. */
export interface PrometheusMeterOptions {
  /** Memory, event loop and garbage collection of the process are measured too. Default true. */
  readonly processMetrics?: boolean;
  /** Labels that every sample carries. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * The Meter port on prom-client, with a registry of its own. Asking twice for the same instrument gives the same one,
 * so that two parts of a program can share it.
 */
export class PrometheusMeter implements MetricsSource {
  readonly #registry = new Registry();

  constructor(options: PrometheusMeterOptions = {}) {
    if (options.labels !== undefined) this.#registry.setDefaultLabels(options.labels);
    if (options.processMetrics !== false) collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }

  counter(name: string, options: InstrumentOptions): Counter {
    const known = this.#registry.getSingleMetric(name);
    const counter =
      known instanceof PromCounter ? known : new PromCounter(this.#configuration(name, options));
    return { add: (value, attributes) => counter.inc(labelsOf(attributes), value) };
  }

  histogram(
    name: string,
    options: InstrumentOptions & { readonly buckets?: readonly number[] },
  ): Histogram {
    const known = this.#registry.getSingleMetric(name);
    const buckets = [...(options.buckets ?? DEFAULT_BUCKETS)];
    const histogram =
      known instanceof PromHistogram
        ? known
        : new PromHistogram({ ...this.#configuration(name, options), buckets });
    return { record: (value, attributes) => histogram.observe(labelsOf(attributes), value) };
  }

  /** Of two registrations of one name the later is read: the earlier owner is usually gone. */
  gauge(name: string, options: InstrumentOptions, read: () => number | Promise<number>): void {
    this.#registry.removeSingleMetric(name);
    const gauge: Gauge = new Gauge({
      ...this.#configuration(name, options),
      async collect() {
        // A reading that fails spoils this one sample, not the whole page.
        try {
          gauge.set(await read());
        } catch {
          gauge.set(Number.NaN);
        }
      },
    });
  }

  #configuration(
    name: string,
    options: InstrumentOptions,
  ): { name: string; help: string; labelNames: string[]; registers: Registry[] } {
    const { help, labels = [] } = options;
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}

function labelsOf(attributes: Attributes = {}): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? String(value) : value,
    ]),
  );
}
