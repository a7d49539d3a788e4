import type { FastifyRequest } from 'fastify';
import type { EventMetadata } from '../../events/event.ts';
import { newId } from '../../foundation/ids.ts';
import type { Tracer } from '../../observability/tracer.ts';

/** Carries one id through everything that a request sets in motion, here and in other services. */
export const CORRELATION_HEADER = 'x-correlation-id';

/** What events, sagas and log lines remember of the request that caused them. Fits the metadata of events. */
export interface RequestMetadata extends EventMetadata {
  readonly correlationId: string;
  /** W3C trace context, when the request is traced. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

const ACCEPTED_ID = /^[\x21-\x7e]{1,128}$/;
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const LONGEST_TRACESTATE = 512;

/** The sender's correlation id when it is 1 to 128 visible ASCII characters, else a new one. Never a reason to refuse. */
export function correlationIdOf(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && ACCEPTED_ID.test(header) ? header : newId();
}

/** The trace that the sender is part of, when its `traceparent` is well-formed. */
export function incomingTrace(
  request: FastifyRequest,
):
  | (Pick<Required<RequestMetadata>, 'traceparent'> & Pick<RequestMetadata, 'tracestate'>)
  | undefined {
  const { traceparent, tracestate } = request.headers;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return typeof tracestate === 'string' && tracestate.length <= LONGEST_TRACESTATE
    ? { traceparent, tracestate }
    : { traceparent };
}

/** What to hand to every write that a request causes. */
export function requestMetadata(request: FastifyRequest, tracer: Tracer): RequestMetadata {
  return { correlationId: request.id, ...(tracer.current() ?? incomingTrace(request)) };
}
