import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sagasCommand } from '../../../runtime/src/bin/sagas-command.ts';
import { silentLogger } from '../../../runtime/src/foundation/logger.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const runtime = new URL('../../../runtime/src/sagas/index.ts', import.meta.url).href;

/** A module as a service has one. */
const moduleOf = (version: number, steps: readonly string[], more = ''): string => `
  import { saga } from '${runtime}';
  export const definitions = [
    saga('order', { version: ${version}, ${version > 1 ? 'migrateFrom: { 1: {} }' : ''} })
      ${steps.map((name) => `.step('${name}', { execute: () => null })`).join('')}
      .build(),
    ${more}
  ];`;

async function called(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const printed: string[] = [];
  const code = await sagasCommand(args, {
    print: (text) => void printed.push(text),
    ask: () => Promise.reject(new Error('nothing is to be asked')),
    logger: silentLogger,
  });
  return { code, text: printed.join('\n') };
}

test('compat says what a deployment would leave behind, without a database', async () => {
  await using folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const [file, old, good, bad] = [at('sagas.json'), at('old.ts'), at('good.ts'), at('bad.ts')];
  const other = "saga('gone').step('only', { execute: () => null }).build(),";
  await writeFile(old, moduleOf(1, ['a', 'b'], other));
  await writeFile(good, moduleOf(2, ['a', 'b', 'c'], other));
  await writeFile(bad, moduleOf(2, ['a', 'new', 'b']));
  expect(await called('compat', file, old, '--write')).toEqual({
    code: 0,
    text: `${file}: 2 definitions written`,
  });
  expect(await called('compat', file, old)).toMatchObject({ code: 0 });
  expect(await called('compat', file, good)).toEqual({
    code: 0,
    text: 'Every saga that is under way can go on.',
  });
  expect(await called('compat', file, bad)).toEqual({
    code: 1,
    text: [
      "A saga of version 1 that has begun 'b' cannot go on under version 2: 'new' comes before 'b' now, and it has not begun it.",
      "Sagas of 'gone' wait for ever: no version of it is there any more.",
    ].join('\n'),
  });
});

test('compat refuses a module without definitions and a file that is not there', async () => {
  await using folder = await temporaryFolder();
  const empty = join(folder.path, 'empty.ts');
  const good = join(folder.path, 'good.ts');
  await writeFile(empty, 'export const something = 1;');
  await writeFile(good, moduleOf(1, ['a']));
  const file = join(folder.path, 'missing.json');
  await expect(called('compat', file, empty)).rejects.toThrow('does not export `definitions`');
  await expect(called('compat', file, good)).rejects.toThrow('--write');
  await expect(called('compat', file, 'nothing.ts')).rejects.toThrow(
    /^There is no file nothing\.ts in /,
  );
});
