/** Observability: the ports that the runtime reports to. Adapters: `potter-runtime/otel`, `potter-runtime/prometheus`. */
export {
  noopTracer,
  type Attributes,
  type Span,
  type SpanOptions,
  type TraceContext,
  type Tracer,
} from './tracer.ts';
export {
  noopMeter,
  type Counter,
  type Histogram,
  type InstrumentOptions,
  type Meter,
} from './meter.ts';
export { withCorrelation, type Correlation } from './correlation.ts';
export { currentCorrelation } from './current-correlation.ts';
