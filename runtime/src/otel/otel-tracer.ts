import {
  type Context,
  createTraceState,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer as OtelApiTracer,
} from '@opentelemetry/api';
import { describeError } from '../errors/describe-error.ts';
import type { Span, SpanOptions, TraceContext, Tracer } from '../observability/tracer.ts';

const KINDS: Readonly<Record<NonNullable<SpanOptions['kind']>, SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/**
 * The Tracer port on OpenTelemetry. Where spans go is the SDK's to say: start one before the service (`node --import`)
 * and this reports to it; without one nothing is traced, and it costs next to nothing.
 */
export class OtelTracer implements Tracer {
  readonly #name: string;
  readonly #version: string | undefined;

  /** @param scope the name of the instrumented program, as OpenTelemetry's instrumentation scope. */
  constructor(scope: { readonly name?: string; readonly version?: string } = {}) {
    this.#name = scope.name ?? 'potter-runtime';
    this.#version = scope.version;
  }

  async span<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
    const parent = options.parent === undefined ? context.active() : extract(options.parent);
    const started = this.#tracer().startSpan(
      name,
      {
        kind: KINDS[options.kind ?? 'internal'],
        attributes: { ...options.attributes },
        links: (options.links ?? []).flatMap(linkTo),
      },
      parent,
    );
    const inside = trace.setSpan(parent, started);
    try {
      return await context.with(inside, () => work(new OtelSpanAdapter(started, inside)));
    } catch (error) {
      markFailed(started, error);
      throw error;
    } finally {
      started.end();
    }
  }

  current(): TraceContext | undefined {
    return inject(context.active());
  }

  /** Looked up each time: an SDK that starts later is then found. The API keeps it in a proxy, so this is cheap. */
  #tracer(): OtelApiTracer {
    return trace.getTracer(this.#name, this.#version);
  }
}

class OtelSpanAdapter implements Span {
  readonly #span: OtelSpan;
  readonly #context: Context;

  constructor(span: OtelSpan, inside: Context) {
    this.#span = span;
    this.#context = inside;
  }

  setAttribute(name: string, value: string | number | boolean): void {
    this.#span.setAttribute(name, value);
  }

  recordError(error: unknown): void {
    markFailed(this.#span, error);
  }

  context(): TraceContext | undefined {
    return inject(this.#context);
  }
}

function markFailed(span: OtelSpan, error: unknown): void {
  const { code, message } = describeError(error);
  span.setAttribute('error.type', code);
  span.recordException(error instanceof Error ? error : message);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** The SDK's propagator writes the headers; without an SDK the span's own ids are written in W3C form. */
function inject(from: Context): TraceContext | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(from, carrier);
  const { traceparent, tracestate } = { ...w3c(from), ...carrier };
  if (traceparent === undefined) return undefined;
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}

function w3c(from: Context): Record<string, string> {
  const spanContext = trace.getSpanContext(from);
  if (spanContext === undefined || !trace.isSpanContextValid(spanContext)) return {};
  const flags = spanContext.traceFlags.toString(16).padStart(2, '0');
  const traceparent = `00-${spanContext.traceId}-${spanContext.spanId}-${flags}`;
  const tracestate = spanContext.traceState?.serialize();
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Records keep W3C form whatever propagator the SDK speaks, so it is read here and not by the propagator. */
function extract({ traceparent, tracestate }: TraceContext): Context {
  const [, traceId = '', spanId = '', flags = '00'] = TRACEPARENT.exec(traceparent) ?? [];
  const traceFlags = Number.parseInt(flags, 16);
  const spanContext = { traceId, spanId, traceFlags, isRemote: true };
  if (!trace.isSpanContextValid(spanContext)) return context.active();
  const withState =
    tracestate === undefined
      ? spanContext
      : { ...spanContext, traceState: createTraceState(tracestate) };
  return trace.setSpanContext(ROOT_CONTEXT, withState);
}

function linkTo(linked: TraceContext): readonly Link[] {
  const spanContext = trace.getSpanContext(extract(linked));
  return spanContext === undefined ? [] : [{ context: spanContext }];
}
