import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { Rejection } from 'potter-runtime/errors';
import { createHttpService, requestMetadata } from 'potter-runtime/http';
import { OtelTracer } from 'potter-runtime/otel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('with an SDK', () => {
  let exporter: InMemorySpanExporter;
  let provider: BasicTracerProvider;

  beforeEach(() => {
    exporter = new InMemorySpanExporter();
    provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(provider);
  });

  afterEach(async () => {
    await provider.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
  });

  test('a span has its name, kind and attributes and ends with its work', async () => {
    const tracer = new OtelTracer({ name: 'bank' });
    const result = await tracer.span(
      'append',
      { kind: 'client', attributes: { events: 3 } },
      async (span) => {
        span.setAttribute('stream', 'a-1');
        expect(exporter.getFinishedSpans()).toHaveLength(0);
        return 7;
      },
    );
    expect(result).toBe(7);
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({
      name: 'append',
      kind: SpanKind.CLIENT,
      attributes: { events: 3, stream: 'a-1' },
    });
    expect(span?.instrumentationScope.name).toBe('bank');
  });

  test('spans nest through waits, and what is current is their trace context', async () => {
    const tracer = new OtelTracer();
    await tracer.span('outer', {}, async (outer) => {
      await Promise.resolve();
      expect(tracer.current()).toEqual(outer.context());
      await tracer.span('inner', {}, async () => Promise.resolve());
    });
    const [inner, outer] = exporter.getFinishedSpans();
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(tracer.current()).toBeUndefined();
  });

  test('a stored trace context is continued, with its state', async () => {
    const tracer = new OtelTracer();
    const parent = { traceparent: PARENT, tracestate: 'vendor=x' };
    await tracer.span('resumed', { parent }, async (span) => {
      expect(span.context()?.traceparent).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
      expect(span.context()?.tracestate).toBe('vendor=x');
    });
    expect(exporter.getFinishedSpans()[0]?.parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
  });

  test('a malformed trace context is ignored', async () => {
    await new OtelTracer().span('x', { parent: { traceparent: 'nonsense' } }, async () =>
      Promise.resolve(),
    );
    expect(exporter.getFinishedSpans()[0]?.parentSpanContext).toBeUndefined();
  });

  test('related traces are linked', async () => {
    const links = [{ traceparent: PARENT }, { traceparent: 'nonsense' }];
    await new OtelTracer().span('after a crash', { links }, async () => Promise.resolve());
    const [span] = exporter.getFinishedSpans();
    expect(span?.links.map((link) => link.context.spanId)).toEqual(['00f067aa0ba902b7']);
  });

  test('an error marks the span failed with its code, and is thrown on', async () => {
    const refused = new Rejection('OUT_OF_STOCK', 'None left.');
    const failing = new OtelTracer().span('reserve', {}, () => Promise.reject(refused));
    await expect(failing).rejects.toBe(refused);
    expect(exporter.getFinishedSpans()[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'None left.' },
      attributes: { 'error.type': 'OUT_OF_STOCK' },
      events: [{ name: 'exception' }],
    });
  });

  test('a service traces each handler within the sender’s trace, and events get that trace', async () => {
    const tracer = new OtelTracer();
    await using service = await createHttpService({ name: 'x', version: '1', tracer });
    service.app.get('/things/:id', async (request) => requestMetadata(request, tracer));
    service.app.get('/late', (_request, reply) => {
      setImmediate(() => void reply.send({ late: true }));
    });
    const answer = await service.app.inject({ url: '/things/7', headers: { traceparent: PARENT } });
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({
      name: 'GET /things/:id',
      kind: SpanKind.SERVER,
      attributes: { 'http.route': '/things/:id', 'http.response.status_code': 200 },
    });
    expect(span?.parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
    expect(answer.json()).toMatchObject({
      traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${span?.spanContext().spanId}-01`,
    });
    expect((await service.app.inject({ url: '/late' })).json()).toEqual({ late: true });
  });
});

test('without an SDK nothing is traced and work is done', async () => {
  const tracer = new OtelTracer();
  expect(await tracer.span('x', {}, async (span) => [span.context(), tracer.current()])).toEqual([
    undefined,
    undefined,
  ]);
});
