import { metrics, type Meter as OtelApiMeter } from '@opentelemetry/api';
import type { Counter, Histogram, InstrumentOptions, Meter } from '../observability/meter.ts';

/**
 * The Meter port on OpenTelemetry. Where measurements go is the SDK's to say: start one before the service
 * (`node --import`); instruments that are made before it measure nothing.
 */
export class OtelMeter implements Meter {
  readonly #meter: OtelApiMeter;

  /** @param scope the name of the instrumented program, as OpenTelemetry's instrumentation scope. */
  constructor(scope: { readonly name?: string; readonly version?: string } = {}) {
    this.#meter = metrics.getMeter(scope.name ?? 'potter-runtime', scope.version);
  }

  counter(name: string, { help }: InstrumentOptions): Counter {
    const counter = this.#meter.createCounter(name, { description: help });
    return { add: (value, attributes) => counter.add(value, attributes) };
  }

  histogram(
    name: string,
    { help, buckets }: InstrumentOptions & { readonly buckets?: readonly number[] },
  ): Histogram {
    const histogram = this.#meter.createHistogram(name, {
      description: help,
      ...(buckets !== undefined && { advice: { explicitBucketBoundaries: [...buckets] } }),
    });
    return { record: (value, attributes) => histogram.record(value, attributes) };
  }

  gauge(name: string, { help }: InstrumentOptions, read: () => number | Promise<number>): void {
    const gauge = this.#meter.createObservableGauge(name, { description: help });
    gauge.addCallback(async (result) => {
      try {
        result.observe(await read());
      } catch {
        // This reading is left out; the others are collected.
      }
    });
  }
}
