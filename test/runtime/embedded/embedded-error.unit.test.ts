import { expect, test } from 'vitest';
import { embeddedError } from '../../../runtime/src/embedded/embedded-error.ts';

test('an error quotes the last lines of a log, and no line at length', () => {
  const log = ['first', 'x'.repeat(10_000), 'a', 'b', 'last'];
  const { message, details } = embeddedError('It did not start.', { log });
  expect(message).toContain(`${'x'.repeat(300)} | a | b | last`);
  expect(message).not.toContain('first');
  expect(message.length).toBeLessThan(600);
  expect(JSON.stringify(details).length).toBeLessThan(600);
});
