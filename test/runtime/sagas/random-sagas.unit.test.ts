import * as fc from 'fast-check';
import { noRetry } from 'potter-runtime/foundation';
import { saga, type SagaMessage, signal } from 'potter-runtime/sagas';
import { journalViolations, modelViolations } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../runtime/src/sagas/definition/graph-builder.ts';
import { isFullRun } from '../../support/full-run.ts';
import { definitionOf, nextVersionOf, sagaShape } from './random-definition.ts';
import { RandomStory } from './random-story.ts';
import { Machine } from './saga-machine.ts';
import { randomOf } from './seeded-random.ts';

/** What a newer version changes, where there is one. */
const change = fc.constantFrom(undefined, undefined, 'renamed', 'renamed', 'preceded');

const RUNS = isFullRun ? 100_000 : 1_000;

describe('a saga of any shape', () => {
  test(
    `whatever happens to it, writes only journals that the model and every invariant allow, and is what its journal says: ${RUNS} sagas`,
    () => {
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(sagaShape, change, fc.integer({ min: 1 }), (shape, to, seed) => {
          const random = randomOf(seed);
          const first = definitionOf(shape, random);
          const next = to && nextVersionOf(shape, random, to);
          const { journal, problems, definition } = new RandomStory(first, random, next).play(60);
          const entries = journal.map((event, at) => ({ seq: BigInt(at + 1), event }));
          for (const event of journal) {
            const kept = event.type === 'Rewound' && event.kept ? ', keeping some' : '';
            const what = `${event.type}${kept}`;
            seen.set(what, (seen.get(what) ?? 0) + 1);
          }
          expect([
            ...problems,
            ...modelViolations(definition, entries),
            ...journalViolations(definition, entries),
          ]).toEqual([]);
        }),
        { numRuns: RUNS },
      );
      console.log(`random sagas: ${RUNS}`, Object.fromEntries(seen));
    },
    isFullRun ? 3_600_000 : 120_000,
  );

  test('is undone in reverse order of the starts of its branches, whatever the order in which they were done', () => {
    const step = { execute: () => null, compensate: () => null };
    fc.assert(
      fc.property(
        fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
        fc.constantFrom('reverse', 'parallel'),
        (order, undo) => {
          const names = order.map((_, at) => `branch-${at}`);
          const definition = new GraphBuilder('order', {})
            .parallel(
              'all',
              (all) => names.reduce((branches, name) => branches.step(name, step), all),
              { undo },
            )
            .step('last', step)
            .build();
          const machine = new Machine(definition);
          expect(machine.running).toEqual(names);
          for (const at of order) machine.end(`branch-${at}`, 'forward', 'completed');
          machine.end('last', 'forward', 'rejected');
          machine.end('last', 'compensate', 'completed');
          const backwards = names.toReversed();
          for (const [at, name] of backwards.entries()) {
            const left = undo === 'reverse' ? [name] : names.slice(0, names.length - at);
            expect(machine.running).toEqual(left);
            machine.end(name, 'compensate', 'completed');
          }
          expect(machine.status).toBe('compensated');
        },
      ),
    );
  });
});

test('a rewind to a wait that ran out goes no further back, though an undo gives up on the way and is resumed', () => {
  const step = {
    execute: () => null,
    compensate: () => null,
    retry: noRetry,
    compensateRetry: noRetry,
  };
  const definition = saga<null>('fork')
    .step('first', step)
    .parallel('both', (both) =>
      both
        .branch((one) => one.waitFor('approved', signal('approval'), { timeout: '1s' }))
        .branch((other) => other.step('work', step).step('later', step)),
    )
    .build();
  const told = { messageId: 'm', at: new Date(0) };
  const tell = (message: SagaMessage) => machine.hear({ kind: 'message', message });
  const machine = new Machine(definition);
  machine.end('first', 'forward', 'completed');
  machine.end('work', 'forward', 'completed');
  // The wait has run out, and before anything is undone a version is deployed that cannot go on with the saga.
  machine.pass(1_000);
  machine.hear({ kind: 'timer' });
  machine.hear({ kind: 'unfit', error: { code: 'UNFIT', message: 'No.', step: null } });
  expect(machine.status).toBe('failed');
  tell({ ...told, kind: 'rewind', step: 'approved' });
  machine.end('later', 'compensate', 'rejected');
  expect(machine.status).toBe('failed');
  tell({ ...told, messageId: 'm-2', kind: 'resume' });
  expect(machine.running).toEqual(['later']);
  machine.end('later', 'compensate', 'completed', 2);
  expect([machine.status, machine.running]).toEqual(['running', ['later']]);
  tell({ ...told, messageId: 'm-3', kind: 'signal', name: 'approval', value: 'Ann' });
  machine.end('later', 'forward', 'completed');
  expect(machine.status).toBe('completed');
});
