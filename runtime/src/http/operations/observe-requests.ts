import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Meter } from '../../observability/meter.ts';
import { noopTracer, type Tracer } from '../../observability/tracer.ts';
import type { HttpApp } from '../http-app.ts';
import { keepCommand } from '../idempotency/command.ts';
import { incomingTrace } from '../requests/correlation.ts';

/** Addresses nobody needs a log line for, each time somebody looks. */
const QUIET = new Set(['/health', '/ready', '/metrics', '/openapi.json']);

/** One log line and one observation for each request, and a span around each handler. */
export function observeRequests(app: HttpApp, meter: Meter, tracer: Tracer): void {
  const duration = meter.histogram('http_request_duration_seconds', {
    help: 'Time from the first byte of a request to the last of its answer, by route template.',
    labels: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    if (isStream(reply)) return;
    const { method } = request;
    duration.record(reply.elapsedTime / 1_000, { method, route, status: String(reply.statusCode) });
    if (QUIET.has(route) || route.startsWith('/docs')) return;
    request.log.info(
      {
        method,
        url: request.url,
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime),
      },
      `${method} ${request.url} ${reply.statusCode}`,
    );
  });
  if (tracer === noopTracer) return;
  app.addHook('onRoute', (route) => {
    const { handler } = route;
    route.handler = function traced(request: FastifyRequest, reply: FastifyReply) {
      const attributes = { 'http.request.method': request.method, 'http.route': route.url };
      const parent = tracer.current() === undefined ? incomingTrace(request) : undefined;
      const name = `${request.method} ${route.url}`;
      return tracer.span(name, { kind: 'server', attributes, parent }, async (span) => {
        const result: unknown = handler.call(this, request, reply);
        // A handler without a promise answers later, through reply.send: Fastify must not see ours settle before.
        if (result === undefined && !reply.sent) await once(reply.raw, 'close');
        const payload: unknown = await result;
        span.setAttribute('http.response.status_code', reply.statusCode);
        return payload;
      });
    };
    keepCommand(handler, route.handler);
  });
}

/** A stream of events lasts as long as its reader likes: that is no duration. */
function isStream(reply: FastifyReply): boolean {
  return String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream');
}
