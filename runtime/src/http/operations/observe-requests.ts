import type { FastifyReply } from 'fastify';
import type { Meter } from '../../observability/meter.ts';
import type { HttpApp } from '../http-app.ts';

/** Addresses nobody needs a log line for, each time somebody looks. */
const QUIET = new Set(['/health', '/ready', '/metrics', '/openapi.json']);

/** One log line and one observation for each request. */
export function observeRequests(app: HttpApp, meter: Meter): void {
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
}

/** A stream of events lasts as long as its reader likes: that is no duration. */
function isStream(reply: FastifyReply): boolean {
  return String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream');
}
