import { Type } from 'typebox';
import type { HttpApp } from '../http-app.ts';
import type { MetricsSource } from './metrics-source.ts';
import type { Readiness } from './readiness.ts';

const tags = ['operations'];

const reportSchema = Type.Object({
  status: Type.Enum(['ready', 'not-ready', 'stopping']),
  checks: Type.Record(
    Type.String(),
    Type.Object({ ok: Type.Boolean(), message: Type.Optional(Type.String()) }),
    { description: 'What was looked at, by name.' },
  ),
});

/** `/health`, `/ready` and, when there is something to show, `/metrics`. */
export function operationsRoutes(
  app: HttpApp,
  parts: { readonly readiness: Readiness; readonly metrics: MetricsSource | undefined },
): void {
  app.get(
    '/health',
    {
      schema: {
        tags,
        summary: 'Does the process live?',
        response: { 200: Type.Object({ status: Type.Literal('ok') }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/ready',
    {
      schema: {
        tags,
        summary: 'Can it take work? 503 until every check passes, and while the service stops.',
        response: { 200: reportSchema, 503: reportSchema },
      },
    },
    async (_request, reply) => {
      const report = await parts.readiness.report();
      return reply.code(report.status === 'ready' ? 200 : 503).send(report);
    },
  );
  const { metrics } = parts;
  if (metrics === undefined) return;
  app.get(
    '/metrics',
    {
      schema: {
        tags,
        summary: 'Measurements in the Prometheus text format.',
        produces: ['text/plain'],
        response: { 200: Type.String() },
      },
    },
    async (_request, reply) => {
      const text = await metrics.render();
      return reply.type(metrics.contentType).serializer(String).send(text);
    },
  );
}
