import { type InMemoryTransaction, saga, type SagaDefinition } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { type LogLine, recordingLogger } from '../recording-logger.ts';
import { openWorld } from '../saga-world.ts';

const forever = (): Promise<never> => new Promise<never>(() => {});

/** A version whose first step never ends. */
const version = (number: number, log: string[]) => {
  const first = saga<null, InMemoryTransaction>('evolving', { version: number }).step('first', {
    execute: () => new Promise<void>(() => {}),
    timeout: '1h',
  });
  return first
    .step(`last-of-${number}`, { execute: () => void log.push(`version ${number}`) })
    .build();
};

/** The same version with a first step that does. */
const quick = (number: number, log: string[]) =>
  saga<null, InMemoryTransaction>('evolving', { version: number })
    .step('first', { execute: () => undefined })
    .step(`last-of-${number}`, { execute: () => void log.push(`version ${number}`) })
    .build();

describe('versions', () => {
  test('a saga under way finishes on the version it began with', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const old = await world.engine([version(1, log)]);
    const { sagaId } = await old.start(version(1, log), null);
    await world.clock.advance(10);
    await world.clock.settle(old.stop({ timeout: 0 }));
    const both = await world.engine([quick(1, log), quick(2, log)]);
    const view = await world.settled(both, sagaId);
    expect([view.status, view.definitionVersion, log]).toEqual(['completed', 1, ['version 1']]);
    await world.settle(both, quick(2, log), null);
    expect(log).toEqual(['version 1', 'version 2']);
  });

  test('a version this process was not given is left alone, and said to be', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const { sagaId } = await world.idle([quick(1, log)]).start(quick(1, log), null);
    const lines: LogLine[] = [];
    const newer = await world.engine([quick(2, log)], { logger: recordingLogger(lines) });
    await world.clock.advance('5m');
    expect((await newer.get(sagaId)).status).toBe('pending');
    const warnings = lines.filter(({ fields }) => fields['code'] === 'SAGA_DEFINITION_UNKNOWN');
    expect(
      warnings.map(({ fields }) => [
        fields['definition'],
        fields['definitionVersion'],
        fields['count'],
      ]),
    ).toEqual([['evolving', 1, 1]]);
  });

  type Steps = readonly string[];
  const of = (
    names: Steps,
    log: string[],
    stopAt?: string,
  ): SagaDefinition<null, InMemoryTransaction> => {
    let builder = saga<null, InMemoryTransaction>('edited');
    for (const name of names) {
      builder = builder.step(name, {
        execute: () => {
          log.push(name);
          return name === stopAt ? forever() : undefined;
        },
        timeout: '1h',
      });
    }
    return builder.build();
  };

  test.each<[string, Steps, string, Steps]>([
    ['a step added behind: goes on', ['a', 'b', 'c', 'd'], 'completed', ['a', 'b', 'b', 'c', 'd']],
    ['a step removed that was not begun: goes on', ['a', 'b'], 'completed', ['a', 'b', 'b']],
    [
      'a step renamed that was not begun: goes on',
      ['a', 'b', 'see'],
      'completed',
      ['a', 'b', 'b', 'see'],
    ],
    [
      'steps reordered that were not begun: goes on',
      ['a', 'b', 'd', 'c'],
      'completed',
      ['a', 'b', 'b', 'd', 'c'],
    ],
    ['a step removed that was done: a person must look', ['b', 'c'], 'failed', ['a', 'b']],
    ['a step renamed that was done: a person must look', ['ay', 'b', 'c'], 'failed', ['a', 'b']],
    [
      'a step added before what was done: a person must look',
      ['new', 'a', 'b', 'c'],
      'failed',
      ['a', 'b'],
    ],
    [
      'steps reordered that were done: a person must look',
      ['b', 'a', 'c'],
      'completed',
      ['a', 'b', 'b', 'c'],
    ],
  ])(
    'changed under the same version, with a saga in its second step: %s',
    async (_, names, status, done) => {
      const world = await openWorld();
      const log: string[] = [];
      const before = of(['a', 'b', 'c'], log, 'b');
      const engine = await world.engine([before]);
      const { sagaId } = await engine.start(before, null);
      await world.clock.advance(10);
      await world.clock.settle(engine.stop({ timeout: 0 }));
      const after = await world.engine([of(names, log)]);
      const view = await world.settled(after, sagaId);
      expect([view.status, log]).toEqual([status, done]);
      expect(view.error?.code).toBe(status === 'failed' ? 'SAGA_DEFINITION_CHANGED' : undefined);
    },
  );

  test('a saga that was stopped by a change goes on when resumed on what it began with', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const before = of(['a', 'b', 'c'], log, 'b');
    const engine = await world.engine([before]);
    const { sagaId } = await engine.start(before, null);
    await world.clock.advance(10);
    await world.clock.settle(engine.stop({ timeout: 0 }));
    const wrong = await world.engine([of(['ay', 'b', 'c'], log)]);
    expect((await world.settled(wrong, sagaId)).status).toBe('failed');
    await world.clock.settle(wrong.stop());
    const right = await world.engine([of(['a', 'b', 'c'], log)]);
    await right.resume(sagaId);
    await world.clock.advance('2s');
    expect((await right.get(sagaId)).status).toBe('completed');
    expect(log).toEqual(['a', 'b', 'b', 'c']);
  });
});
