import { expect, test } from 'vitest';
import { DEFINITIONS, STEPS, workOf } from '../../src/domain/work.ts';

test('only a slow-saga takes time: as long as its context says, or half a second', () => {
  for (const step of STEPS) {
    expect(workOf('slow-saga', step, { stepMs: 20 }).takesMs).toBe(20);
    expect(workOf('slow-saga', step, {}).takesMs).toBe(500);
    expect(workOf('simple-saga', step, { stepMs: 20 }).takesMs).toBe(0);
  }
});

test('only the last step of a failing-saga is impossible', () => {
  const impossible = DEFINITIONS.flatMap((definition) =>
    STEPS.filter((step) => workOf(definition, step, {}).impossible).map(
      (step) => `${definition} ${step}`,
    ),
  );
  expect(impossible).toEqual(['failing-saga finish']);
});
