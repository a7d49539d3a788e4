import * as fc from 'fast-check';
import type { SagaDefinition } from 'potter-runtime/sagas';
import { journalViolations, modelViolations } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../runtime/src/sagas/definition/graph-builder.ts';
import type { MachineInput } from '../../../runtime/src/sagas/machine/machine-input.ts';
import { nextWork } from '../../../runtime/src/sagas/machine/next-work.ts';
import type { SagaState } from '../../../runtime/src/sagas/machine/saga-state.ts';
import { begin, transition } from '../../../runtime/src/sagas/machine/transition.ts';
import { isFullRun } from '../../support/full-run.ts';
import { definitionOf, nextVersionOf, sagaShape } from './random-definition.ts';
import { RandomStory } from './random-story.ts';
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

/** A saga in the machine alone. */
class Machine {
  readonly #definition: SagaDefinition;
  readonly #moment = { now: new Date(0), random: () => 0.5 };
  #state: SagaState;

  constructor(definition: SagaDefinition) {
    this.#definition = definition;
    const beginning = { sagaId: 's', input: null, correlationId: 'c', trace: undefined };
    this.#state = begin(definition, { ...beginning, owned: true }, this.#moment).state;
  }

  get status(): string {
    return this.#state.status;
  }

  get running(): readonly string[] {
    const { running } = nextWork(this.#definition, this.#state, this.#moment.now);
    return running.map(({ path }) => path);
  }

  end(path: string, direction: 'forward' | 'compensate', how: 'completed' | 'rejected'): void {
    const at = { path, direction, attempt: 1 };
    const error = { code: 'REFUSED', message: 'No.' };
    const input: MachineInput =
      how === 'completed'
        ? { kind: 'attempt-completed', ...at, result: null }
        : { kind: 'attempt-failed', ...at, failure: { kind: how, outcome: 'failed', error } };
    const subject = { sagaId: 's', definition: this.#definition, state: this.#state };
    this.#state = transition(subject, [input], this.#moment).state;
  }
}
