import { readFileSync, writeFileSync } from 'node:fs';
import { checkCompat, type DefinitionDescription, describeDefinition } from 'potter-runtime/sagas';
import { ParticipantLedger, VirtualClock } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import { World } from '../support/world.ts';

/** The saga as production has it. Whoever deploys another writes it anew: `WRITE_DEPLOYED=1 npm test -- deployed`. */
const file = new URL('deployed.json', import.meta.url);

const definition = new World(new VirtualClock()).saga(new ParticipantLedger());

if (process.env['WRITE_DEPLOYED'] === '1') {
  writeFileSync(file, `${JSON.stringify(describeDefinition(definition), null, 2)}\n`);
}

test('every order that is under way in production can go on under this definition', () => {
  const deployed = JSON.parse(readFileSync(file, 'utf8')) as DefinitionDescription;
  expect(checkCompat(deployed, definition)).toEqual([]);
});
