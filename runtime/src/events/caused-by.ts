import type { TraceContext } from '../observability/tracer.ts';
import type { EventMetadata } from './event.ts';
import type { RecordedEvent } from './recorded-event.ts';

/**
 * Metadata for whatever is done because of `event`: its correlation goes on (or starts with it), it is the cause, and
 * its trace is continued unless the tracer knows a nearer one.
 */
export function causedBy(event: Pick<RecordedEvent, 'id' | 'metadata'>): EventMetadata {
  const { correlationId, traceparent, tracestate } = event.metadata;
  return {
    correlationId: correlationId ?? event.id,
    causationId: event.id,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

/** The trace that metadata belongs to, if any: the parent for a span around the handling of an event. */
export function traceContextOf(metadata: EventMetadata): TraceContext | undefined {
  const { traceparent, tracestate } = metadata;
  if (traceparent === undefined) return undefined;
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}
