import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningService, startService } from '../support/service.ts';

let service: RunningService;
let routes: readonly string[];

beforeAll(async () => {
  // What the routes are needs no database.
  service = await startService({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
  const { body } = await service.api.get<{ paths: Record<string, object> }>('/openapi.json');
  routes = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
});

afterAll(async () => service?.[Symbol.asyncDispose]());

/** The OpenAPI document does not describe itself. */
const UNDESCRIBED = ['GET /openapi.json', 'GET /docs'];

test('README.md names every route, and no other', () => {
  const routesInText = /`((?:GET|POST|PUT|PATCH|DELETE) \/[^`?\s]*)/g;
  const named = [...readFileSync('README.md', 'utf8').matchAll(routesInText)].map(
    ([, route = '']) => route,
  );
  const described = named.filter((route) => !UNDESCRIBED.includes(route));
  expect(distinct(described.map(withoutNames))).toEqual(distinct(routes.map(withoutNames)));
});

test('api.http has a request for every route of the API, and for no other', () => {
  const text = readFileSync('api.http', 'utf8');
  const base = /^@base = https?:\/\/[^/\s]+(\S*)$/m.exec(text)?.[1] ?? '';
  const requests = [...text.matchAll(/^([A-Z]+) \{\{base\}\}([^?\s]*)/gm)];
  const asked = requests.map(([, method, path]) => `${method} ${base}${path}`);
  const used = asked.map(
    (request) => routes.find((route) => patternOf(route).test(request)) ?? request,
  );
  expect(distinct(used)).toEqual(distinct(routes.filter((route) => route.includes(' /api/'))));
});

/** `GET /a/{id}/b` and `GET /a/{n}/b` are the same route. */
function withoutNames(route: string): string {
  return route.replaceAll(/\{\w+\}/g, '{}');
}

function patternOf(route: string): RegExp {
  return new RegExp(`^${withoutNames(route).replaceAll('{}', '[^/]+')}$`);
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
