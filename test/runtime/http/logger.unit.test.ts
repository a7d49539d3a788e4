import { PotterError } from 'potter-runtime/errors';
import { createLogger, redact, redactUrls } from 'potter-runtime/http';
import { describe, expect, test } from 'vitest';
import { terminalDestination } from '../../../runtime/src/http/logging/terminal-destination.ts';

function lines(): {
  readonly written: Record<string, unknown>[];
  readonly destination: { write(line: string): void };
} {
  const written: Record<string, unknown>[] = [];
  return { written, destination: { write: (line) => void written.push(JSON.parse(line)) } };
}

describe('the log', () => {
  test('is one JSON object a line, with level, time and message', () => {
    const { written, destination } = lines();
    createLogger({ name: 'bank', destination }).info('listening on http://127.0.0.1:8080', {
      port: 8080,
    });
    expect(written).toMatchObject([
      { level: 'info', name: 'bank', msg: 'listening on http://127.0.0.1:8080', port: 8080 },
    ]);
    expect(written[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test('leaves out what is below its level', () => {
    const { written, destination } = lines();
    const logger = createLogger({ level: 'warn', destination });
    logger.info('no');
    logger.child({ a: 1 }).debug('no');
    logger.child({ a: 1 }).error('yes');
    expect(written).toMatchObject([{ msg: 'yes', a: 1 }]);
  });

  test('shows neither passwords of URLs nor credentials', () => {
    const { written, destination } = lines();
    const logger = createLogger({ destination });
    logger.error('cannot reach postgres://potter:hunter2@db:5432/x', {
      headers: { Authorization: 'Bearer hunter2', cookie: 'hunter2', accept: '*/*' },
      url: 'postgres://potter:hunter2@db/x',
      nested: [{ password: 'hunter2' }],
      error: new PotterError('DATABASE_UNAVAILABLE', {
        message: 'no postgres://u:hunter2@db/x',
        cause: new Error('nor postgres://u:hunter2@db/x'),
      }),
    });
    expect(JSON.stringify(written)).not.toContain('hunter2');
    expect(written).toMatchObject([
      {
        msg: 'cannot reach postgres://potter:***@db:5432/x',
        headers: { accept: '*/*', Authorization: '***' },
        error: { code: 'DATABASE_UNAVAILABLE', cause: { message: 'nor postgres://u:***@db/x' } },
      },
    ]);
  });

  test('takes any value: cycles, bigint, dates', () => {
    const cycle: Record<string, unknown> = { position: 7n, at: new Date(0) };
    cycle['self'] = cycle;
    expect(JSON.stringify(redact(cycle))).toContain('"position":"7"');
  });
});

test('passwords with any character are blotted out of URLs', () => {
  expect(redactUrls('a postgres://u:p:w/x@h/d b mongodb+srv://u:p@h')).toBe(
    'a postgres://u:***@h/d b mongodb+srv://u:***@h',
  );
  expect(redactUrls('http://127.0.0.1:8080/x and a@b.c')).toBe('http://127.0.0.1:8080/x and a@b.c');
});

describe('in a terminal', () => {
  test('a line is the message alone, with its fields after it', () => {
    expect(shown((logger) => logger.info('listening on http://127.0.0.1:8080'))).toBe(
      'listening on http://127.0.0.1:8080\n',
    );
    expect(shown((logger) => logger.warn('slow', { stepMs: 7, step: 'pay' }))).toBe(
      'warn: slow stepMs=7 step=pay\n',
    );
  });

  test('an error has its stack below', () => {
    expect(shown((logger) => logger.error('failed', { error: new Error('why') }))).toMatch(
      /^error: failed\nError: why\n\s+at /,
    );
  });
});

function shown(log: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  const destination = terminalDestination({ write: (line) => (text += line) });
  log(createLogger({ name: 'bank', destination }));
  // oxlint-disable-next-line no-control-regex -- colours
  return text.replaceAll(/\u001b\[\d+m/g, '');
}
