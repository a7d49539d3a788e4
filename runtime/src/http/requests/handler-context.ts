import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { withCorrelation } from '../../observability/correlation.ts';
import { noopTracer, type Tracer } from '../../observability/tracer.ts';
import type { HttpApp } from '../http-app.ts';
import { keepCommand } from '../idempotency/command.ts';
import { incomingTrace, requestMetadata } from './correlation.ts';

type Handle = () => unknown;

/**
 * Runs every handler inside a span and as part of the request's conversation, so that events and commands it makes,
 * however deep in its calls, carry the correlation id and the trace.
 */
export function giveHandlersContext(app: HttpApp, tracer: Tracer): void {
  app.addHook('onRoute', (route) => {
    const { handler } = route;
    route.handler = function inContext(request: FastifyRequest, reply: FastifyReply) {
      const handle: Handle = () => handler.call(this, request, reply);
      if (tracer === noopTracer) return correlated(handle, request, tracer);
      return traced(handle, request, reply, tracer);
    };
    keepCommand(handler, route.handler);
  });
}

function correlated(handle: Handle, request: FastifyRequest, tracer: Tracer): unknown {
  return withCorrelation(requestMetadata(request, tracer), handle);
}

function traced(
  handle: Handle,
  request: FastifyRequest,
  reply: FastifyReply,
  tracer: Tracer,
): Promise<unknown> {
  const route = request.routeOptions.url ?? 'none';
  const attributes = { 'http.request.method': request.method, 'http.route': route };
  // When somebody traces the server itself, the request has a span already, and that continues the sender's trace.
  const parent = tracer.current() === undefined ? incomingTrace(request) : undefined;
  return tracer.span(
    `${request.method} ${route}`,
    { kind: 'server', attributes, parent },
    async (span) => {
      const result = correlated(handle, request, tracer);
      // A handler without a promise answers later, through reply.send: Fastify must not see ours settle before.
      if (result === undefined && !reply.sent) await once(reply.raw, 'close');
      const payload = await result;
      span.setAttribute('http.response.status_code', reply.statusCode);
      return payload;
    },
  );
}
