import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type FileRequest, readHttpFile } from '../support/http-file.ts';
import { type RunningService, startService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await createTestDatabase();
  service = await startService({ DATABASE_URL: database.url });
});

afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

/** What a reader copies out of the first answer that has it. */
const COPIED = ['sagaId', 'orderId'] as const;

test('every request of api.http, one after the other, does what its comment says', async () => {
  const { variables, requests } = readHttpFile(readFileSync('api.http', 'utf8'));
  const values = new Map([...variables, ['base', `${service.url}/api/v1`]]);
  const copied = new Set<string>();
  expect(requests.length).toBeGreaterThan(5);
  for (const request of requests) {
    const { status, body } = await send(request, values);
    const what = `${request.method} ${request.url} (${request.comment}): ${status} ${body}`;
    if (status >= 400) {
      const { code } = JSON.parse(body) as { code: string };
      expect(request.comment, what).toContain(`${status} ${code}`);
    }
    for (const name of COPIED) {
      const value = copied.has(name)
        ? undefined
        : new RegExp(`"${name}":"([^"]+)"`).exec(body)?.[1];
      if (value === undefined) continue;
      values.set(name, value);
      copied.add(name);
    }
  }
});

async function send(
  { method, url, headers, body }: FileRequest,
  values: ReadonlyMap<string, string>,
): Promise<{ status: number; body: string }> {
  const filled = (text: string): string =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`api.http has no variable ${name}.`);
      return value;
    });
  const response = await fetch(filled(url), {
    method,
    headers: { ...headers },
    ...(body !== undefined && { body: filled(body) }),
  });
  return { status: response.status, body: await response.text() };
}
