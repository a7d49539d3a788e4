/** OpenTelemetry: the runtime's spans on `@opentelemetry/api`. */
export { OtelTracer } from './otel-tracer.ts';
