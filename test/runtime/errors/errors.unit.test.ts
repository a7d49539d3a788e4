import { describe, expect, test } from 'vitest';
import {
  describeError,
  ERROR_CODES,
  isPotterError,
  isRejection,
  PotterError,
  Rejection,
} from 'potter-runtime/errors';

describe('a PotterError', () => {
  test('shows code, what happened and the remedy in its message, and keeps values and cause', () => {
    const cause = new Error('socket closed');
    const error = new PotterError('DATABASE_UNAVAILABLE', {
      message: 'The database at db:5432 broke the connection.',
      remedy: 'Check DATABASE_URL.',
      details: { host: 'db' },
      cause,
    });
    expect(error.message).toBe(
      '[DATABASE_UNAVAILABLE] The database at db:5432 broke the connection. Check DATABASE_URL.',
    );
    expect(error).toMatchObject({
      name: 'PotterError',
      remedy: 'Check DATABASE_URL.',
      details: { host: 'db' },
      cause,
    });
  });

  test('without a cause has no cause property at all', () => {
    expect('cause' in new PotterError('CLOSED', { message: 'x.' })).toBe(false);
  });

  test('is recognised by its code', () => {
    const error: unknown = new PotterError('CLOSED', { message: 'x.' });
    expect(isPotterError(error)).toBe(true);
    expect(isPotterError(error, 'CLOSED')).toBe(true);
    expect(isPotterError(error, 'TIMEOUT')).toBe(false);
    expect(isPotterError({ code: 'CLOSED' })).toBe(false);
  });
});

describe('a Rejection', () => {
  test('breaks a rule unless it says otherwise', () => {
    expect(new Rejection('ACCOUNT_EXISTS', 'x')).toMatchObject({ kind: 'rule', details: {} });
    expect(new Rejection('ACCOUNT_EXISTS', 'x', { kind: 'conflict' }).kind).toBe('conflict');
  });

  test('is recognised by its code and is no PotterError', () => {
    const error: unknown = new Rejection('INSUFFICIENT_FUNDS', 'The balance is 5.');
    expect(isRejection(error, 'INSUFFICIENT_FUNDS')).toBe(true);
    expect(isRejection(error, 'OTHER')).toBe(false);
    expect(isPotterError(error)).toBe(false);
  });
});

describe('the description of a thrown value', () => {
  const hostile = {
    toString() {
      throw new Error('no');
    },
  };
  test.each<[string, unknown, string, string]>([
    [
      'a PotterError, without repeating the code',
      new PotterError('TIMEOUT', { message: 'It took 5 s.', remedy: 'Wait.' }),
      'TIMEOUT',
      'It took 5 s. Wait.',
    ],
    [
      'a Rejection',
      new Rejection('ACCOUNT_CLOSED', 'The account is closed.'),
      'ACCOUNT_CLOSED',
      'The account is closed.',
    ],
    ['an Error', new TypeError('boom'), 'INTERNAL_ERROR', 'boom'],
    ['an Error without a message', new TypeError(), 'INTERNAL_ERROR', 'TypeError'],
    ['an Error with a code of its own', coded('PROVIDER_DOWN'), 'PROVIDER_DOWN', 'boom'],
    ['an Error whose code has another form', coded('23505'), 'INTERNAL_ERROR', 'boom'],
    ['a string', 'plain', 'INTERNAL_ERROR', 'plain'],
    [
      'undefined',
      undefined,
      'INTERNAL_ERROR',
      'A value that is not an error was thrown: undefined.',
    ],
    ['null', null, 'INTERNAL_ERROR', 'A value that is not an error was thrown: null.'],
    [
      'an object without a prototype',
      Object.create(null),
      'INTERNAL_ERROR',
      'A value that is not an error was thrown: [object Object].',
    ],
    [
      'an object whose toString throws',
      hostile,
      'INTERNAL_ERROR',
      'A value that is not an error was thrown: [object Object].',
    ],
  ])('of %s', (_name, value, code, message) => {
    expect(describeError(value)).toEqual({ code, message });
  });
});

test('every code is SCREAMING_SNAKE and explained in one sentence', () => {
  for (const [code, { meaning, remedy }] of Object.entries(ERROR_CODES)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
    expect(remedy).toMatch(/^[A-Z].*\.$/);
  }
});

function coded(code: string): Error {
  return Object.assign(new Error('boom'), { code });
}
