import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  duration,
  flag,
  integer,
  oneOf,
  optional,
  postgresUrl,
  readEnvironment,
  SERVICE_VARIABLES,
  text,
} from 'potter-runtime/http';
import { describe, expect, test } from 'vitest';

describe('the environment', () => {
  test('has a default for each variable that every service has', () => {
    expect(readEnvironment({ ...SERVICE_VARIABLES }, {})).toEqual({
      PORT: 8080,
      HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      SHUTDOWN_TIMEOUT: '10s',
    });
  });

  test('gives each value the type of its variable', () => {
    const values = readEnvironment(
      {
        RATE: integer({ min: 1 }),
        SEND_MAIL: flag(),
        GREETING: text(),
        MODE: oneOf(['fast', 'safe']),
        WAIT: duration(),
        TOKEN: optional(text()),
      },
      { RATE: ' 7 ', SEND_MAIL: 'Yes', GREETING: 'hello', MODE: 'safe', WAIT: '5m' },
    );
    const mode: 'fast' | 'safe' = values.MODE;
    expect({ ...values, mode }).toEqual({
      RATE: 7,
      SEND_MAIL: true,
      GREETING: 'hello',
      MODE: 'safe',
      WAIT: '5m',
      TOKEN: undefined,
      mode: 'safe',
    });
  });

  test('takes empty for not set', () => {
    expect(readEnvironment({ PORT: SERVICE_VARIABLES.PORT }, { PORT: ' ' })).toEqual({
      PORT: 8080,
    });
    expect(() => readEnvironment({ NAME: text() }, { NAME: '' })).toThrow('NAME is not set');
  });

  test.each([
    ['PORT', '80a', 'a port from 1 to 65535, or 0 for any free one'],
    ['PORT', '65536', 'a port from 1 to 65535, or 0 for any free one'],
    ['PORT', '-1', 'a port from 1 to 65535, or 0 for any free one'],
    ['PORT', '8080.5', 'a port from 1 to 65535, or 0 for any free one'],
    ['HOST', 'http://localhost', 'a host name or an IP address, without a scheme or a port'],
    ['HOST', 'localhost:8080', 'a host name or an IP address, without a scheme or a port'],
    ['LOG_LEVEL', 'loud', 'one of debug, info, warn, error, silent'],
    ['SHUTDOWN_TIMEOUT', '10', "a number with ms, s, m, h or d, such as '10s'"],
    ['SHUTDOWN_TIMEOUT', 'soon', "a number with ms, s, m, h or d, such as '10s'"],
  ])('%s=%s is refused in one line with what is accepted', (name, value, accepted) => {
    const line = `${name} is ${JSON.stringify(value)}; it must be ${accepted}.`;
    expect(() => readEnvironment({ ...SERVICE_VARIABLES }, { [name]: value })).toThrow(line);
  });

  test('names everything that is wrong at once, still in one line', () => {
    let message = '';
    try {
      readEnvironment({ ...SERVICE_VARIABLES }, { PORT: 'x', LOG_LEVEL: 'y\nz' });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain('PORT');
    expect(message).toContain('LOG_LEVEL');
    expect(message).not.toContain('\n');
  });

  test.each([
    'mysql://root:hunter2@db/x',
    'postgres:hunter2',
    'hunter2',
    'postgres://u:hunter2@h:x/d',
  ])('never shows a URL, whatever is wrong with it (%s)', (value) => {
    expect(() => readEnvironment({ DATABASE_URL: postgresUrl() }, { DATABASE_URL: value })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  test('takes IPv6 hosts', () => {
    expect(readEnvironment({ HOST: SERVICE_VARIABLES.HOST }, { HOST: '::1' })).toEqual({
      HOST: '::1',
    });
  });
});

describe('a process', () => {
  const program = `
    import { environment, text } from ${JSON.stringify(new URL('../../../runtime/src/http/index.ts', import.meta.url).href)};
    console.log(JSON.stringify(environment({ GREETING: text() })));`;

  async function run(
    env: Record<string, string>,
    file?: string,
  ): Promise<{ code: number; out: string; err: string }> {
    const directory = await mkdtemp(join(tmpdir(), 'potter-env-'));
    try {
      if (file !== undefined) await writeFile(join(directory, '.env'), file);
      await writeFile(join(directory, 'program.mts'), program);
      const tsx = new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
      return await new Promise((resolve) => {
        execFile(
          process.execPath,
          ['--import', tsx, 'program.mts'],
          { cwd: directory, env: { PATH: process.env['PATH'], ...env } },
          (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
        );
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  }

  test('that is started with a bad value ends with one line and exit code 1', async () => {
    const { code, out, err } = await run({ PORT: 'abc', GREETING: 'hi' });
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toBe('PORT is "abc"; it must be a port from 1 to 65535, or 0 for any free one.\n');
  });

  test('that lacks a required value says so', async () => {
    expect((await run({})).err).toBe('GREETING is not set; it must be any text.\n');
  });

  test('reads .env, and what is set in the environment wins', async () => {
    const { out } = await run({ PORT: '1234' }, 'GREETING="from file"\nPORT=99\n');
    expect(JSON.parse(out)).toMatchObject({ GREETING: 'from file', PORT: 1234 });
  });

  test('does not step over a line of .env that is no assignment', async () => {
    const { code, out, err } = await run({}, 'GREETING=hi\nPORT 99\n');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^.*\.env line 2 is not an assignment\..*\n$/);
  });
});
