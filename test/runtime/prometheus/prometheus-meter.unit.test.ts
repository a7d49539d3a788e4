import { PrometheusMeter } from 'potter-runtime/prometheus';
import { expect, test } from 'vitest';

function meter(): PrometheusMeter {
  return new PrometheusMeter({ processMetrics: false });
}

test('a counter counts by its labels', async () => {
  const subject = meter();
  const counter = subject.counter('orders_total', { help: 'Orders.', labels: ['ok'] });
  counter.add(2, { ok: true });
  counter.add(1, { ok: false });
  const page = await subject.render();
  expect(page).toContain('# TYPE orders_total counter');
  expect(page).toContain('orders_total{ok="true"} 2');
  expect(page).toContain('orders_total{ok="false"} 1');
});

test('a histogram has the buckets it was given', async () => {
  const subject = meter();
  const options = { help: 'Time.', labels: ['op'], buckets: [0.1, 1] };
  subject.histogram('op_seconds', options).record(0.5, { op: 'append' });
  const page = await subject.render();
  expect(page).toContain('op_seconds_bucket{le="0.1",op="append"} 0');
  expect(page).toContain('op_seconds_bucket{le="1",op="append"} 1');
  expect(page).toContain('op_seconds_count{op="append"} 1');
});

test('a gauge is read when somebody looks', async () => {
  const subject = meter();
  let depth = 1;
  subject.gauge('queue_depth', { help: 'Depth.' }, async () => depth);
  expect(await subject.render()).toContain('queue_depth 1');
  depth = 7;
  expect(await subject.render()).toContain('queue_depth 7');
});

test('a gauge that cannot be read does not spoil the page', async () => {
  const subject = meter();
  subject.gauge('broken', { help: 'Broken.' }, () => Promise.reject(new Error('database down')));
  subject.counter('fine_total', { help: 'Fine.' }).add(1);
  expect(await subject.render()).toContain('fine_total 1');
});

test('two parts of a program share an instrument by its name', async () => {
  const subject = meter();
  for (let i = 0; i < 2; i += 1) {
    subject.counter('shared_total', { help: 'Shared.' }).add(1);
    subject.histogram('shared_seconds', { help: 'Shared.' }).record(1);
    subject.gauge('shared_gauge', { help: 'Shared.' }, () => i);
  }
  const page = await subject.render();
  expect(page).toContain('shared_total 2');
  expect(page).toContain('shared_seconds_count 2');
  expect(page).toContain('shared_gauge 1');
});

test('the process is measured too, and every sample carries the labels of all', async () => {
  const page = await new PrometheusMeter({ labels: { service: 'bank' } }).render();
  expect(page).toMatch(/process_resident_memory_bytes\{service="bank"\} \d+/);
  expect(page).toContain('nodejs_eventloop_lag_seconds');
});
