import { requestMetadata, createHttpService } from 'potter-runtime/http';
import { currentCorrelation, noopTracer } from 'potter-runtime/observability';
import { expect, test } from 'vitest';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

async function seen(headers: Record<string, string>): Promise<{
  readonly metadata: Record<string, unknown>;
  readonly ambient: Record<string, unknown>;
  readonly echoed: unknown;
}> {
  await using service = await createHttpService({ name: 'x', version: '1' });
  service.app.get('/', async (request) => {
    await Promise.resolve();
    return { metadata: requestMetadata(request, noopTracer), ambient: currentCorrelation() };
  });
  const answer = await service.app.inject({ url: '/', headers });
  const { metadata, ambient } = answer.json<Awaited<ReturnType<typeof seen>>>();
  return { metadata, ambient, echoed: answer.headers['x-correlation-id'] };
}

test('a sender’s correlation id goes into what is written and comes back', async () => {
  const { metadata, ambient, echoed } = await seen({ 'x-correlation-id': 'order-7' });
  expect(metadata).toEqual({ correlationId: 'order-7' });
  expect(ambient).toMatchObject({ correlationId: 'order-7' });
  expect(echoed).toBe('order-7');
});

test.each(['', 'with blank', 'x'.repeat(129), 'ü'])(
  'an id of another form (%j) is replaced by a UUID',
  async (id) => {
    const { echoed } = await seen({ 'x-correlation-id': id });
    expect(echoed).toMatch(/^[\da-f]{8}-[\da-f]{4}-7/);
  },
);

test('a request without an id gets a new one', async () => {
  const { metadata, echoed } = await seen({});
  expect(metadata['correlationId']).toBe(echoed);
});

test('a well-formed trace context is passed on, any other is dropped', async () => {
  const traced = await seen({ traceparent: TRACEPARENT, tracestate: 'a=b' });
  expect(traced.metadata).toMatchObject({ traceparent: TRACEPARENT, tracestate: 'a=b' });
  for (const traceparent of [
    'nonsense',
    TRACEPARENT.replace(/4bf\w+/, '0'.repeat(32)),
    `${TRACEPARENT}0`,
  ]) {
    expect((await seen({ traceparent })).metadata['traceparent']).toBeUndefined();
  }
});
