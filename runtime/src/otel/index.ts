/** OpenTelemetry: the runtime's spans and measurements on `@opentelemetry/api`. */
export { OtelMeter } from './otel-meter.ts';
export { OtelTracer } from './otel-tracer.ts';
