import type { FastifyRequest } from 'fastify';
import { PotterError } from '../../errors/potter-error.ts';
import type { HttpApp } from '../http-app.ts';

/**
 * Knows the requests that are at work, to name those that a stop would cut off. One whose body is still on its way is
 * not: nothing of it has begun, so a slow sender cannot turn a stop into a failed one.
 */
export class InFlight {
  readonly #requests = new Set<FastifyRequest>();

  constructor(app: HttpApp, stopping: AbortSignal) {
    app.addHook('onRequest', async (request, reply) => {
      if (!stopping.aborted || request.routeOptions.url === '/ready') return;
      reply.header('connection', 'close');
      if (request.routeOptions.url !== '/health') {
        throw new PotterError('SHUTTING_DOWN', { message: 'The service is stopping.' });
      }
    });
    app.addHook('preValidation', async (request) => void this.#requests.add(request));
    app.addHook('onResponse', async (request) => {
      this.#requests.delete(request);
      // A connection that was busy when the stop began would else be kept for its sender's next request.
      if (stopping.aborted) setImmediate(() => app.server.closeIdleConnections());
    });
  }

  /** `POST /api/v1/orders`, one for each request at work. */
  list(): readonly string[] {
    return [...this.#requests].map(({ method, url }) => `${method} ${url}`);
  }
}
