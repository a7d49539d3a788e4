import * as fc from 'fast-check';
import { type RetryPolicy, simpleRetry } from 'potter-runtime/foundation';
import { saga, type SagaDefinition, signal } from 'potter-runtime/sagas';
import type { CompensateWhen } from '../../../runtime/src/sagas/definition/step-context.ts';
import { GraphBuilder } from '../../../runtime/src/sagas/definition/graph-builder.ts';

/** A node of a made-up saga, before it has a name. */
export type Shape =
  | {
      readonly kind: 'step' | 'transactional';
      readonly undo: 'attempted' | 'completed' | 'none';
      readonly tries: number;
    }
  | { readonly kind: 'sleep'; readonly ms: number; readonly breaks: boolean }
  | { readonly kind: 'signal'; readonly timeoutMs: number | null; readonly goesOn: boolean }
  | { readonly kind: 'child' }
  | {
      readonly kind: 'parallel';
      readonly undo: 'reverse' | 'parallel';
      readonly branches: readonly (readonly Shape[])[];
    }
  | {
      readonly kind: 'choice';
      readonly cases: readonly (readonly Shape[])[];
      readonly otherwise: boolean;
      readonly breaks: boolean;
    };

/** A made-up saga. */
export interface SagaShape {
  readonly nodes: readonly Shape[];
  readonly alreadyDone: boolean;
  /** What comes from the pivot on; null: there is none. */
  readonly afterPivot: readonly Shape[] | null;
  readonly timeoutMs: number | null;
  readonly onDefect: 'pause' | 'compensate';
  readonly onCompensationFailure: 'pause' | 'continue' | 'fail';
}

const leaf: fc.Arbitrary<Shape> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('step', 'transactional'),
      undo: fc.constantFrom('attempted', 'attempted', 'completed', 'none'),
      tries: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('sleep' as const),
      ms: fc.constantFrom(0, 100, 10_000),
      breaks: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('signal' as const),
      timeoutMs: fc.constantFrom(null, 100, 10_000),
      goesOn: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'child' } as const) },
);

const { shape } = fc.letrec<{ shape: Shape; branch: readonly Shape[] }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: leaf },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('parallel' as const),
        undo: fc.constantFrom('reverse', 'parallel'),
        branches: fc.array(tie('branch'), { minLength: 2, maxLength: 3 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('choice' as const),
        cases: fc.array(tie('branch'), { minLength: 1, maxLength: 3 }),
        otherwise: fc.boolean(),
        breaks: fc.constantFrom(false, false, false, true),
      }),
    },
  ),
  branch: fc.array(tie('shape'), { minLength: 1, maxLength: 3 }),
}));

/** Sagas of any shape. */
export const sagaShape: fc.Arbitrary<SagaShape> = fc.record({
  nodes: fc.array(shape, { minLength: 1, maxLength: 4 }),
  alreadyDone: fc.boolean(),
  afterPivot: fc.option(fc.array(shape, { minLength: 0, maxLength: 2 })),
  timeoutMs: fc.constantFrom(null, null, 5_000, 60_000),
  onDefect: fc.constantFrom('pause', 'compensate'),
  onCompensationFailure: fc.constantFrom('pause', 'continue', 'fail'),
});

/** The one signal that made-up sagas wait for. */
export const word = signal('word');

const child = saga<null>('random-child')
  .step('a', { execute: () => 1 })
  .build();

const NOTHING = (): null => null;

/** What a second version changes: names, with one step more at the end, or a step more at the beginning too. */
export type Change = 'renamed' | 'preceded';

/** Makes the definition. @param random decides what its conditions say, each time they are asked. */
export function definitionOf(made: SagaShape, random: () => number): SagaDefinition {
  return build(made, random, {});
}

/** A second version of it, which takes over sagas of the first. */
export function nextVersionOf(
  made: SagaShape,
  random: () => number,
  change: Change,
): SagaDefinition {
  const before = definitionOf(made, random);
  const names = [...before.nodes.keys()].filter((name) => NUMBERED.test(name));
  const rename = Object.fromEntries(names.map((name) => [name, `${name}${RENAMED}`]));
  return build(made, random, { rename, change });
}

const NUMBERED = /-\d+$/;
const RENAMED = '-b';

function build(
  made: SagaShape,
  random: () => number,
  {
    rename,
    change,
  }: { readonly rename?: Readonly<Record<string, string>>; readonly change?: Change },
): SagaDefinition {
  const { timeoutMs, onDefect, onCompensationFailure } = made;
  let names = 0;
  const name = (kind: string): string => `${kind}-${(names += 1)}${rename ? RENAMED : ''}`;
  const mayBreak = (breaks: boolean): void => {
    if (breaks && random() < 0.3) throw new TypeError('A defect of the definition.');
  };
  const add = (builder: GraphBuilder, node: Shape, past: boolean): GraphBuilder => {
    switch (node.kind) {
      case 'step':
      case 'transactional': {
        const retry: RetryPolicy = simpleRetry({ maxAttempts: node.tries, delay: 50 });
        const when: CompensateWhen | 'none' = past ? 'forced' : node.undo;
        const options = {
          execute: NOTHING,
          retry,
          compensateRetry: retry,
          timeout: 1_000,
          ...(when !== 'none' && { compensate: NOTHING, compensateWhen: when }),
        };
        return node.kind === 'step'
          ? builder.step(name('step'), options)
          : builder.transactionalStep(name('tx'), options);
      }
      case 'sleep':
        return builder.sleep(name('sleep'), () => {
          mayBreak(node.breaks);
          return node.ms;
        });
      case 'signal':
        return builder.waitFor(name('signal'), word, {
          ...(node.timeoutMs !== null && { timeout: node.timeoutMs }),
          onTimeout: node.goesOn ? 'continue' : 'fail',
        });
      case 'child':
        return builder.child(name('child'), child, {
          input: NOTHING,
          compensateRetry: simpleRetry({ maxAttempts: 3, delay: 50 }),
        });
      case 'parallel':
        return builder.parallel(
          name('parallel'),
          (parallel) =>
            node.branches.reduce(
              (all, branch) => all.branch((begin) => addAll(begin, branch, past)),
              parallel,
            ),
          { undo: node.undo },
        );
      case 'choice':
        return builder.choose(name('choice'), (choice) => {
          const cases = node.cases.reduce(
            (all, branch, at) =>
              all.when(
                `case-${at}`,
                () => {
                  mayBreak(node.breaks);
                  return random() < 0.4;
                },
                (begin) => addAll(begin, branch, past),
              ),
            choice,
          );
          return node.otherwise
            ? cases.otherwise((begin) => addAll(begin, [{ kind: 'child' }], past))
            : cases;
        });
    }
  };
  const addAll = (builder: GraphBuilder, nodes: readonly Shape[], past: boolean): GraphBuilder =>
    nodes.reduce((built, node) => add(built, node, past), builder);

  let builder = new GraphBuilder('random', {
    onDefect,
    onCompensationFailure,
    maxInterruptions: 4,
    ...(timeoutMs !== null && { timeout: timeoutMs }),
    ...(rename && { version: 2, migrateFrom: { 1: { rename } } }),
  });
  if (made.alreadyDone) builder = builder.alreadyDone('before', { compensate: NOTHING });
  if (change === 'preceded') builder = builder.step('more-first', { execute: NOTHING });
  builder = addAll(builder, made.nodes, false);
  if (made.afterPivot) {
    builder = builder.pivot('pivot', { execute: NOTHING, retry: simpleRetry({ delay: 50 }) });
    builder = addAll(builder, made.afterPivot, true);
  }
  if (change !== undefined) builder = builder.step('more-last', { execute: NOTHING });
  return builder.build();
}
