import { assert as check, property, shuffledSubarray } from 'fast-check';
import { expect, test } from 'vitest';
import { templateFiles } from '../../../generators/engine/directory-templates.ts';
import { placeTemplates } from '../../../generators/engine/template-tree.ts';
import { FIXTURE_TEMPLATES, fixtureService } from '../fixtures/examples.ts';

test('the order in which a disk lists its files does not matter', () => {
  const files = [...templateFiles(FIXTURE_TEMPLATES)];
  const expected = placeTemplates(files, fixtureService);
  expect(expected.length).toBeGreaterThan(8);
  check(
    property(shuffledSubarray(files, { minLength: files.length }), (shuffled) => {
      expect(placeTemplates(shuffled, fixtureService)).toEqual(expected);
    }),
  );
});
