import { Validator } from '@seriousme/openapi-schema-validator';
import { PrometheusMeter } from 'potter-runtime/prometheus';
import { describe, expect, test } from 'vitest';
import { bank } from './bank.ts';

interface Operation {
  readonly tags?: readonly string[];
  readonly parameters?: readonly { in: string; name: string; required?: boolean; schema: object }[];
  readonly requestBody?: {
    readonly content: Record<string, { readonly schema: Record<string, unknown> }>;
  };
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}

interface Document {
  readonly openapi: string;
  readonly info: object;
  readonly paths: Record<string, Record<string, Operation>>;
}

async function document(): Promise<Document> {
  await using service = await bank({ metrics: new PrometheusMeter({ processMetrics: false }) });
  return (await service.app.inject({ url: '/openapi.json' })).json();
}

describe('/openapi.json', () => {
  test('is a valid OpenAPI 3.1 document', async () => {
    const described = await document();
    expect(described.openapi).toBe('3.1.0');
    const result = await new Validator().validate({ ...described });
    expect(result).toEqual({ valid: true });
  });

  test('has every route, by every method, and nothing else', async () => {
    await using service = await bank({ metrics: new PrometheusMeter({ processMetrics: false }) });
    const routes: string[] = [];
    const { paths } = await document();
    for (const [path, operations] of Object.entries(paths)) {
      for (const method of Object.keys(operations)) {
        const url = path.replaceAll(/\{(\w+)\}/g, ':$1');
        expect(service.app.hasRoute({ url, method: method.toUpperCase() })).toBe(true);
        routes.push(`${method} ${path}`);
      }
    }
    expect(routes.toSorted()).toEqual([
      'get /api/v1/accounts/{accountNumber}',
      'get /api/v1/defect',
      'get /api/v1/events',
      'get /health',
      'get /metrics',
      'get /ready',
      'post /api/v1/accounts/{accountNumber}/close',
      'post /api/v1/accounts/{accountNumber}/deposit',
    ]);
  });

  test('says of each command that it takes an Idempotency-Key, and of nothing else', async () => {
    const { paths } = await document();
    const withKey = Object.entries(paths).flatMap(([path, operations]) =>
      Object.values(operations)
        .filter(({ parameters = [] }) => parameters.some(({ name }) => name === 'Idempotency-Key'))
        .map(() => path),
    );
    expect(withKey.toSorted()).toEqual([
      '/api/v1/accounts/{accountNumber}/close',
      '/api/v1/accounts/{accountNumber}/deposit',
    ]);
  });

  test('shows bodies as they are checked: closed, with their examples', async () => {
    const { paths } = await document();
    const operation = paths['/api/v1/accounts/{accountNumber}/deposit']?.['post'];
    expect(operation?.requestBody?.content['application/json']?.schema).toMatchObject({
      additionalProperties: false,
      properties: {
        amountCents: { type: 'integer', minimum: 1, examples: [5_000] },
        lines: { items: { additionalProperties: false } },
      },
    });
  });

  test('does not ask for a parameter that has a default', async () => {
    const parameters = (await document()).paths['/api/v1/events']?.['get']?.parameters ?? [];
    expect(parameters.find(({ name }) => name === 'limit')?.required).not.toBe(true);
  });

  test('shows the problems that a route may be answered with', async () => {
    const { paths } = await document();
    const responses = paths['/api/v1/accounts/{accountNumber}/deposit']?.['post']?.responses ?? {};
    expect(Object.keys(responses)).toEqual([
      '200',
      '400',
      '404',
      '409',
      '413',
      '415',
      '422',
      '500',
      '503',
    ]);
    expect(responses['422']?.content).toEqual({
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    });
  });

  test('says that a body nobody asked for may be refused, and which requests look at If-Match', async () => {
    const { paths } = await document();
    const { parameters = [], responses = {} } =
      paths['/api/v1/accounts/{accountNumber}/close']?.['post'] ?? {};
    expect(Object.keys(responses)).toEqual(
      expect.arrayContaining(['204', '400', '404', '409', '412', '413', '415']),
    );
    expect(parameters.map(({ name }) => name)).toContain('if-match');
  });

  test('sorts routes that name no tag by what their address begins with', async () => {
    const { paths } = await document();
    const tags = Object.entries(paths).map(([path, operations]) => [
      path,
      ...Object.values(operations).flatMap((operation) => operation.tags ?? []),
    ]);
    expect(Object.fromEntries(tags)).toMatchObject({
      '/health': 'operations',
      '/api/v1/accounts/{accountNumber}': 'accounts',
      '/api/v1/events': 'events',
    });
  });

  test('has no empty description', async () => {
    expect((await document()).info).toEqual({ title: 'bank', version: '1.2.3' });
  });
});

test('/docs shows it without asking any other host', async () => {
  await using service = await bank();
  const page = await service.app.inject({ url: '/docs' });
  expect(page.statusCode).toBe(200);
  const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => String(url));
  expect(assets.length).toBeGreaterThan(3);
  for (const url of assets) {
    expect(url).toMatch(/^\/docs\//);
    expect((await service.app.inject({ url })).statusCode).toBe(200);
  }
});

test('/docs has nothing under addresses that leave its folder', async () => {
  await using service = await bank();
  const outside = await service.app.inject({ url: '/docs/static/..%2f..%2fpackage.json' });
  expect(outside.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
});
