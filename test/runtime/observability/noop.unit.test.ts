import { expect, test } from 'vitest';
import { noopMeter, noopTracer } from 'potter-runtime/observability';

test('the no-op tracer runs the work, passes its result or error on, and has no context', async () => {
  const result = await noopTracer.span('work', { attributes: { a: 1 } }, async (span) => {
    span.setAttribute('b', 2);
    span.recordError(new Error('noted'));
    return span.context();
  });
  expect(result).toBeUndefined();
  expect(noopTracer.current()).toBeUndefined();
  await expect(noopTracer.span('work', {}, () => Promise.reject(new Error('x')))).rejects.toThrow(
    'x',
  );
});

test('the no-op meter takes measurements and never reads a gauge', () => {
  noopMeter.counter('c', { help: 'h' }).add(1);
  noopMeter.histogram('h', { help: 'h' }).record(1, { a: 'b' });
  let reads = 0;
  noopMeter.gauge('g', { help: 'h' }, () => (reads += 1));
  expect(reads).toBe(0);
});
