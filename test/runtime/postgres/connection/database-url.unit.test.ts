import { expect, test } from 'vitest';
import { assertDatabaseUrl, databaseTarget, translatePostgresError } from 'potter-runtime/postgres';

test.each([
  ['', 'is empty'],
  ['localhost:5432/shop', "starts with 'localhost://'"],
  ['mysql://me:s3cret@db/shop', "starts with 'mysql://'"],
  ['postgres://me:s3#cret@db:5432/shop', 'is not a URL'],
  ['postgres://me:s3cret@db:99999/shop', 'is not a URL'],
  ['postgres://me:s3cret@db:0/shop', 'has port 0'],
  ['postgres://me:s3cret@db:5432', 'names no database'],
  ['postgres://me:s3cret@db:5432/', 'names no database'],
  ['postgres://me:s3%cret@db:5432/shop', "has a '%'"],
])('%j is refused: it %s; the password is not shown', (url, problem) => {
  const attempt = (): void => assertDatabaseUrl(url);
  expect(attempt).toThrow(expect.objectContaining({ code: 'INVALID_CONFIGURATION' }));
  expect(attempt).toThrow(problem);
  expect(attempt).not.toThrow(/s3/);
});

test.each([
  'postgres://me@localhost/shop',
  'postgresql://me:p%40ss@[::1]:5432/shop?sslmode=disable',
  'postgres:///shop?host=/run/postgresql',
])('%s is accepted', (url) => {
  expect(() => assertDatabaseUrl(url)).not.toThrow();
});

test('a target is host, port and database, and nothing else', () => {
  expect(databaseTarget('postgres://me:s3cret@db/shop?sslmode=disable')).toBe('db:5432/shop');
});

test('causes and the parts of an aggregate are looked through', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:5432'), {
    code: 'ECONNREFUSED',
    address: '::1',
    port: 5432,
  });
  const wrapped = new Error('query failed', { cause: new AggregateError([refused]) });
  expect(translatePostgresError(wrapped)).toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    details: { target: '::1:5432' },
    cause: wrapped,
  });
});
