import type { HttpApp } from '../http-app.ts';
import { ValidationError } from '../problems/validation-error.ts';
import { closedRequest } from './closed-schema.ts';
import { hostileValues } from './hostile-values.ts';
import { requireBody } from './json-body.ts';

/** What holds for every route before its own schema is asked: bodies and queries are closed, bodies present, all fit to be stored. */
export function guardRequests(app: HttpApp): void {
  app.addHook('onRoute', (route) => {
    if (route.schema) route.schema = closedRequest(route.schema);
  });
  app.addHook('preValidation', async (request) => {
    requireBody(request);
    const errors = [
      ...hostileValues(request.params, 'path'),
      ...hostileValues(request.query, 'query'),
      ...hostileValues(request.body, 'body'),
    ];
    if (errors.length > 0) throw new ValidationError(errors);
  });
}
