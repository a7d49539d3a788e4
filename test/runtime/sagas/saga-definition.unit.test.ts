import { type InMemoryTransaction, saga, sagaDiagram } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';

const step = { execute: () => 1 };

describe('a definition', () => {
  test.each([
    ['a saga without steps', () => saga('empty').build()],
    ['a name with a slash', () => saga('a/b')],
    ['an empty name', () => saga('')],
    ['a step with a slash in its name', () => saga('s').step('a/b', step)],
    ['version 0', () => saga('s', { version: 0 })],
    ['half a snapshot', () => saga('s', { snapshotEvery: 0.5 })],
    [
      'two steps of one name',
      () => {
        const named: string = 'twice';
        return saga('s')
          .step(named, step)
          .step<string, number>(named as never, step);
      },
    ],
  ])('refuses %s', (_, build) => {
    expect(build).toThrow(expect.objectContaining({ code: 'SAGA_DEFINITION_INVALID' }));
  });

  test('refuses a timeout that is none', () => {
    expect(() =>
      saga('s', { timeout: '5 minutes' as never })
        .step('a', step)
        .build(),
    ).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('has a hash of what a journal depends on, and of nothing else', () => {
    const base = saga<null, InMemoryTransaction>('s').step('a', step);
    const hash = base.step('b', step).build().hash;
    expect(
      saga<null, InMemoryTransaction>('s', { timeout: '1h' })
        .step('a', { ...step, timeout: '1s' })
        .step('b', step)
        .build().hash,
    ).toBe(hash);
    expect(base.step('c', step).build().hash).not.toBe(hash);
    expect(base.transactionalStep('b', step).build().hash).not.toBe(hash);
    expect(base.step('b', { ...step, compensate: () => {} }).build().hash).not.toBe(hash);
    expect(
      saga<null, InMemoryTransaction>('s').step('b', step).step('a', step).build().hash,
    ).not.toBe(hash);
  });

  test('is never changed by building on: each call gives a new builder', () => {
    const base = saga('s').step('a', step);
    const [left, right] = [base.step('left', step).build(), base.step('right', step).build()];
    expect([...left.attempted.keys()]).toEqual(['a', 'left']);
    expect([...right.attempted.keys()]).toEqual(['a', 'right']);
    expect(Object.isFrozen(left)).toBe(true);
  });

  test('is drawn without a saga, every step untouched', () => {
    const diagram = sagaDiagram(
      saga('s', { version: 3 })
        .step('a', step)
        .step('b', { ...step, compensate: () => {} })
        .build(),
    );
    expect(diagram).toContain('start(["s v3"])');
    expect(diagram).toContain('finish(["completed"])');
    expect(diagram).toContain('-.->');
    expect(diagram).not.toMatch(/class n\d+ (?!untouched)/);
  });
});
