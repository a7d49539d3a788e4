import { readFileSync, writeFileSync } from 'node:fs';
import { checkCompat, type DefinitionDescription, describeDefinition } from 'potter-runtime/sagas';
import { expect, test } from 'vitest';
import { demoSagas } from '../../src/application/demo-sagas.ts';

/** The sagas as production has them. Whoever deploys others writes it anew: `WRITE_DEPLOYED=1 npm test -- deployed`. */
const file = new URL('deployed.json', import.meta.url);

const unused = (): never => {
  throw new Error('Looking at a definition runs none of its steps.');
};
const definitions = demoSagas({ perform: unused, undo: unused });

if (process.env['WRITE_DEPLOYED'] === '1') {
  const described = Object.values(definitions).map((definition) => describeDefinition(definition));
  writeFileSync(file, `${JSON.stringify(described, null, 2)}\n`);
}

const deployed = JSON.parse(readFileSync(file, 'utf8')) as readonly DefinitionDescription[];

test('every saga that production has is still there', () => {
  expect(Object.keys(definitions)).toEqual(deployed.map(({ name }) => name));
});

test.each(deployed)(
  'every $name that is under way in production can go on under this definition',
  (then) => {
    const now = Object.values(definitions).find(({ name }) => name === then.name);
    if (now === undefined) throw new Error(`${then.name} is gone.`);
    expect(checkCompat(then, now)).toEqual([]);
  },
);
