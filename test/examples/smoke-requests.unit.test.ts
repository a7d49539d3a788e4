import { expect, test } from 'vitest';
import { EXAMPLES } from '../../generators/examples/registry.ts';
import { SMOKE_REQUESTS } from '../../scripts/smoke-requests.ts';

test('every example that can be created is called when it is verified', () => {
  expect(Object.keys(SMOKE_REQUESTS).toSorted()).toEqual(
    EXAMPLES.map(({ name }) => name).toSorted(),
  );
});
