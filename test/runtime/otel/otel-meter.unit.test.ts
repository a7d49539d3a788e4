import {
  type Meter,
  metrics,
  type MetricOptions,
  type ObservableCallback,
  type ObservableResult,
} from '@opentelemetry/api';
import { OtelMeter } from 'potter-runtime/otel';
import { afterEach, expect, test } from 'vitest';

afterEach(() => metrics.disable());

/** What an SDK is told: instruments with their options, measurements, and gauges to be read. */
function startSdk(): { readonly told: unknown[]; readonly collect: () => Promise<void> } {
  const told: unknown[] = [];
  const callbacks: [string, ObservableCallback][] = [];
  const made = (name: string, options?: MetricOptions): void => void told.push([name, options]);
  const measured = (name: string) => (value: number, attributes?: unknown) =>
    void told.push([name, value, attributes]);
  const meter = {
    createCounter: (name: string, options?: MetricOptions) => {
      made(name, options);
      return { add: measured(name) };
    },
    createHistogram: (name: string, options?: MetricOptions) => {
      made(name, options);
      return { record: measured(name) };
    },
    createObservableGauge: (name: string, options?: MetricOptions) => {
      made(name, options);
      return { addCallback: (callback: ObservableCallback) => callbacks.push([name, callback]) };
    },
  };
  metrics.setGlobalMeterProvider({
    getMeter: (name, version) => {
      told.push([name, version]);
      return meter as unknown as Meter;
    },
  });
  const collect = async (): Promise<void> => {
    for (const [name, callback] of callbacks) {
      const result: ObservableResult = { observe: measured(name) };
      await callback(result);
    }
  };
  return { told, collect };
}

test('counters, histograms and gauges are those of the SDK that was started', async () => {
  const { told, collect } = startSdk();
  const meter = new OtelMeter({ name: 'orders', version: '1.2.3' });
  meter.counter('placed_total', { help: 'Orders.' }).add(2, { kind: 'web' });
  const took = meter.histogram('took_seconds', { help: 'Time.', buckets: [0.1, 1] });
  took.record(0.5);
  meter.gauge('waiting', { help: 'Orders that wait.' }, async () => 7);
  meter.gauge('broken', { help: 'Cannot be read.' }, () => Promise.reject(new Error('away')));
  await collect();
  expect(told).toEqual([
    ['orders', '1.2.3'],
    ['placed_total', { description: 'Orders.' }],
    ['placed_total', 2, { kind: 'web' }],
    ['took_seconds', { description: 'Time.', advice: { explicitBucketBoundaries: [0.1, 1] } }],
    ['took_seconds', 0.5, undefined],
    ['waiting', { description: 'Orders that wait.' }],
    ['broken', { description: 'Cannot be read.' }],
    ['waiting', 7, undefined],
  ]);
});

test('without an SDK nothing is measured and nothing fails', () => {
  const meter = new OtelMeter();
  expect(() => meter.counter('placed_total', { help: 'Orders.' }).add(1)).not.toThrow();
  expect(() => meter.gauge('waiting', { help: 'Orders.' }, () => 1)).not.toThrow();
});
