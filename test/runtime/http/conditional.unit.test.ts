import { assertIfMatch, ifMatch } from 'potter-runtime/http';
import { describe, expect, test } from 'vitest';
import { bank } from './bank.ts';

const request = (ifMatchHeader: string | undefined): { headers: Record<string, string> } => ({
  headers: ifMatchHeader === undefined ? {} : { 'if-match': ifMatchHeader },
});

describe('If-Match', () => {
  test.each([
    [undefined, {}],
    ['*', { expected: 'exists' }],
    ['"7"', { expected: 7n }],
    [' "7" ', { expected: 7n }],
    ['"7", "7"', { expected: 7n }],
    ['"7", ', { expected: 7n }],
    ['W/"6", "7"', { expected: 7n }],
    ['"abc", "7"', { expected: 7n }],
    ['"9223372036854775807"', { expected: 2n ** 63n - 1n }],
  ])('%s expects %o', (header, expected) => {
    expect(ifMatch(request(header))).toEqual(expected);
  });

  test.each(['W/"7"', '"abc"', '""', '"07"', '"-7"', '"9223372036854775808"', '"7,"'])(
    '%s can match no version',
    (header) => {
      expect(() => ifMatch(request(header))).toThrow(/PRECONDITION_FAILED/);
    },
  );

  test.each(['7', '', '"7', '7"', '"7" "8"', '*, "7"', 'w/"7"', '"7";'])(
    '%j is malformed',
    (header) => {
      expect(() => ifMatch(request(header))).toThrow(/VALIDATION_FAILED/);
    },
  );

  test('with several versions cannot say onto which one to write', () => {
    expect(() => ifMatch(request('"7", "8"'))).toThrow(/VALIDATION_FAILED/);
  });

  test('with several versions can be compared with one that was read', () => {
    expect(() => assertIfMatch(request('"7", "8"'), 8n)).not.toThrow();
    expect(() => assertIfMatch(request('*'), 8n)).not.toThrow();
    expect(() => assertIfMatch(request('"7", W/"8"'), 8n)).toThrow(/PRECONDITION_FAILED/);
  });
});

describe('If-None-Match', () => {
  test.each([
    ['"7"', 304],
    ['W/"7"', 304],
    ['"1", "7"', 304],
    ['*', 304],
    ['"8"', 200],
    ['7', 200],
  ])('%s is answered with %i', async (header, status) => {
    await using service = await bank();
    const headers = { 'content-type': 'application/json' };
    const url = '/api/v1/accounts/DE-1';
    await service.app.inject({
      method: 'POST',
      url: `${url}/deposit`,
      headers,
      payload: '{"amountCents":1}',
    });
    const answer = await service.app.inject({ url, headers: { 'if-none-match': header } });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['etag']).toBe('"7"');
    expect(answer.body === '').toBe(status === 304);
  });
});
