/** Values a span or a measurement may carry. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** W3C trace context as it travels in event metadata and saga records. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** A piece of work being traced. */
export interface Span {
  setAttribute(name: string, value: string | number | boolean): void;
  /** Marks the span failed. */
  recordError(error: unknown): void;
  /** What a message or a stored record needs to continue this trace; undefined when nothing is traced. */
  context(): TraceContext | undefined;
}

/** What a span is about. */
export interface SpanOptions {
  readonly attributes?: Attributes;
  /** The trace to continue instead of the current one. */
  readonly parent?: TraceContext | undefined;
  /** Related traces: the one before a crash, say. */
  readonly links?: readonly TraceContext[];
  /** Default `internal`. */
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
}

/** Where the runtime reports spans. `potter-runtime/otel` adapts OpenTelemetry. */
export interface Tracer {
  /** Runs `work` inside a new span, which ends when its promise settles; an error is recorded and rethrown. */
  span<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** The trace context that is current here, if any. */
  current(): TraceContext | undefined;
}

const noopSpan: Span = {
  setAttribute: () => {},
  recordError: () => {},
  context: () => undefined,
};

/** Traces nothing. The default wherever a tracer is optional. */
export const noopTracer: Tracer = {
  span: (_name, _options, work) => work(noopSpan),
  current: () => undefined,
};
