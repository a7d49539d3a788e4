import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseSagasCall } from '../../../runtime/src/bin/sagas-arguments.ts';
import { SAGAS_USAGE } from '../../../runtime/src/bin/sagas-command.ts';

/** A command line as a shell takes it apart: words, and texts in single quotes. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
}

function documented(file: string, command: RegExp): readonly string[] {
  const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
  return [...text.matchAll(command)].map(([, line = '']) => line);
}

describe('every command that is documented', () => {
  test.each([
    ['docs/sagas.md', /^potter-sagas (.*)$/gm, 5],
    ['generated-examples/saga-order/README.md', /`npm run sagas -- ([^`]*)`/g, 3],
  ])('in %s can be called so', (file, command, atLeast) => {
    const lines = documented(file, command);
    expect(lines.length).toBeGreaterThanOrEqual(atLeast);
    for (const line of lines) expect(() => parseSagasCall(words(line))).not.toThrow();
  });

  test('in the usage is one, with its arguments', () => {
    const lines = SAGAS_USAGE.split('\n').filter((line) => line.startsWith('potter-sagas '));
    const commands = lines.flatMap((line) => line.split(' ')[1]?.split('|') ?? []);
    expect(commands).toEqual([
      'list',
      'show',
      'history',
      'journal',
      'diagram',
      'pause',
      'resume',
      'cancel',
      'rewind',
      'skip',
      'edit',
      'undo',
      'signal',
      'bulk',
      'compat',
    ]);
  });
});

test('a call says what is meant, and who asks when nobody said it', () => {
  expect(
    parseSagasCall(
      words(`bulk edit '{"n":1}' --merge --where status=failed,running --yes --by ann`),
    ),
  ).toEqual({
    command: 'bulk',
    json: false,
    yes: true,
    filter: { status: ['failed', 'running'] },
    action: { kind: 'edit', input: { n: 1 }, merge: true },
    told: { by: 'ann' },
  });
  expect(
    parseSagasCall(words('list --where from=2026-01-31 --where before=2026-02-01T12:00:00Z')),
  ).toMatchObject({
    filter: {
      startedFrom: new Date('2026-01-31T00:00:00Z'),
      startedBefore: new Date('2026-02-01T12:00:00Z'),
    },
  });
  expect(parseSagasCall(['undo', 'o-1', '--force', '--message-id', 'm'])).toMatchObject({
    command: 'tell',
    sagaId: 'o-1',
    action: { kind: 'undo', force: true },
    told: { by: expect.stringMatching(/./), messageId: 'm' },
  });
  expect(parseSagasCall(['--help'])).toBeUndefined();
});
