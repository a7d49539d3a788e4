import {
  checkCompat,
  describeDefinition,
  type InMemoryTransaction,
  saga,
} from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';

type Undo = 'undo' | 'no undo';

const stepOf = (undo: Undo = 'undo') => ({
  execute: () => null,
  ...(undo === 'undo' && { compensate: () => null }),
});

const start = (version: number, rename?: Readonly<Record<string, string>>) =>
  saga<null, InMemoryTransaction>('order', {
    version,
    ...(rename && { migrateFrom: { 1: { rename } } }),
  });

/** As it comes out of a checked-in file. */
const written = (definition: Parameters<typeof describeDefinition>[0]) =>
  JSON.parse(JSON.stringify(describeDefinition(definition))) as ReturnType<
    typeof describeDefinition
  >;

const old = written(
  start(1)
    .step('reserve', stepOf())
    .parallel('both', (parallel) =>
      parallel
        .step('pay', stepOf())
        .branch((branch) => branch.step('pack', stepOf()).step('label', stepOf())),
    )
    .choose('carrier', (choice) =>
      choice
        .when(
          'abroad',
          () => true,
          (branch) => branch.step('customs', stepOf()),
        )
        .otherwise((branch) => branch.step('post', stepOf('no undo'))),
    )
    .sleep('rest', '1h')
    .step('thank', stepOf('no undo'))
    .build(),
);

const places = (problems: ReturnType<typeof checkCompat>): readonly string[] =>
  problems.map(({ at }) => at);

describe('checkCompat', () => {
  test('finds nothing to say about the same graph, or one with more steps behind', () => {
    const same = start(2, {})
      .step('reserve', stepOf())
      .parallel('both', (parallel) =>
        parallel
          .step('pay', stepOf())
          .branch((branch) => branch.step('pack', stepOf()).step('label', stepOf())),
      )
      .choose('carrier', (choice) =>
        choice
          .when(
            'abroad',
            () => true,
            (branch) => branch.step('customs', stepOf()),
          )
          .otherwise((branch) => branch.step('post', stepOf('no undo'))),
      )
      .sleep('rest', '1h')
      .step('thank', stepOf('no undo'));
    expect(checkCompat(old, same.build())).toEqual([]);
    expect(checkCompat(old, same.step('more', stepOf()).build())).toEqual([]);
  });

  test('names every place where a saga cannot go on, and why', () => {
    const next = start(2, {})
      .step('reserve', stepOf())
      .parallel('both', (parallel) =>
        parallel
          .step('pay', stepOf())
          .branch((branch) => branch.step('weigh', stepOf()).step('pack', stepOf())),
      )
      .choose('carrier', (choice) =>
        choice.when(
          'abroad',
          () => true,
          (branch) => branch.step('customs', stepOf()),
        ),
      )
      .sleep('rest', '1h')
      .step('thank', stepOf('no undo'))
      .build();
    const problems = checkCompat(old, next);
    expect(Object.fromEntries(problems.map(({ at, message }) => [at, message]))).toMatchObject({
      pack: "A saga of version 1 that has begun 'pack' cannot go on under version 2: 'weigh' comes before 'pack' now, and it has not begun it.",
      label:
        "A saga of version 1 that has begun 'label' cannot go on under version 2: 'label' is gone, or was renamed without a word in migrateFrom.",
    });
    expect(places(problems)).not.toContain('reserve');
    expect(places(problems)).not.toContain('pay');
    expect(problems.map(({ message }) => message).join('\n')).toContain(
      "has gone the way 'otherwise' at 'carrier' cannot go on",
    );
  });

  test('takes a renaming for what it is', () => {
    const rows = (pay: string) => (rename: Readonly<Record<string, string>>) =>
      start(2, rename).step('reserve', stepOf()).step(pay, stepOf()).build();
    const before = written(start(1).step('reserve', stepOf()).step('pay', stepOf()).build());
    expect(checkCompat(before, rows('charge')({ pay: 'charge' }))).toEqual([]);
    expect(places(checkCompat(before, rows('charge')({})))).toEqual(['pay']);
  });

  test('says when an undo is lost, and when a step became something else', () => {
    const before = written(start(1).step('reserve', stepOf()).step('pay', stepOf()).build());
    const next = start(2, {}).step('reserve', stepOf('no undo')).sleep('pay', '1s').build();
    expect(checkCompat(before, next)).toEqual([
      {
        at: 'pay',
        message:
          "A saga of version 1 that has begun 'pay' cannot go on under version 2: 'pay' is a timer now.",
      },
      {
        at: 'reserve',
        message:
          "A saga of version 1 that has begun 'reserve' and turns round leaves it as it is under version 2: its undo is gone.",
      },
    ]);
  });

  test('says that sagas wait for ever under a version that does not take theirs over', () => {
    const before = written(start(1).step('reserve', stepOf()).build());
    const problems = checkCompat(
      before,
      start(3).step('reserve', stepOf()).step('pay', stepOf()).build(),
    );
    expect(problems.map(({ message }) => message)).toEqual([
      'Sagas of version 1 wait for ever under version 3: keep version 1 registered until they are over, or let migrateFrom of version 3 say what was renamed.',
    ]);
  });

  test('compares versions too when the graph is the same', () => {
    const before = written(start(1).step('reserve', stepOf()).build());
    expect(checkCompat(before, start(2).step('reserve', stepOf()).build())).toHaveLength(1);
    expect(checkCompat(before, start(1).step('reserve', stepOf()).build())).toEqual([]);
  });

  test('finds a change under the same version', () => {
    const before = written(start(1).step('reserve', stepOf()).step('pay', stepOf()).build());
    const problems = checkCompat(
      before,
      start(1).step('pay', stepOf()).step('reserve', stepOf()).build(),
    );
    expect(places(problems)).toEqual(['reserve']);
  });

  test('refuses a file that is no description, and one of another saga', () => {
    const next = start(1).step('reserve', stepOf()).build();
    const graph = [{ kind: 'step' }] as const;
    expect(() => checkCompat({ ...old, graph }, next)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    expect(() => checkCompat({ ...old, name: 'other' }, next)).toThrow(/of saga 'other'/);
  });
});
