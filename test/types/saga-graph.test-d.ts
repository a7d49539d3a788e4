import { expectTypeOf } from 'expect-type';
import { commandBus } from 'potter-runtime/cqrs';
import { type ChildResult, commandStep, saga, signal } from 'potter-runtime/sagas';

interface Input {
  readonly cents: number;
}

const approval = signal('approval', (value) => ({ by: String(value) }));
const child = saga<{ readonly parcel: string }>('delivery')
  .step('send', { execute: () => ({ tracking: 't' }) })
  .build();

const graph = saga<Input>('graph')
  .parallel('checks', (p) =>
    p
      .step('credit', {
        execute: ({ results }) => {
          expectTypeOf(results).toEqualTypeOf<unknown>();
          return 1;
        },
      })
      .branch((b) =>
        b.step('stock', { execute: () => 'x' }).step('quote', {
          execute: ({ results }) => {
            expectTypeOf(results.stock).toEqualTypeOf<string>();
            // @ts-expect-error one branch does not see what another one did
            void results.credit;
            return true;
          },
        }),
      ),
  )
  .when(
    'large',
    ({ input, results }) => input.cents > results.credit,
    (b) => b.step('verify', { execute: () => ({ ok: true }) }),
  )
  .choose('speed', (c) =>
    c
      .when(
        'fast',
        ({ results }) => results.quote,
        (b) => b.step('by-air', { execute: () => 1 }),
      )
      .otherwise((b) => b.step('by-sea', { execute: () => 'slow' })),
  )
  .waitFor('approved', approval)
  .waitFor('confirmed', approval, { timeout: '1d', onTimeout: 'continue' })
  .child('deliver', child, { input: ({ results }) => ({ parcel: results.stock }) })
  .step('end', {
    execute: ({ results }) => {
      expectTypeOf(results.credit).toEqualTypeOf<number>();
      // What may have been skipped may have no result.
      expectTypeOf(results.verify).toEqualTypeOf<{ ok: boolean } | undefined>();
      expectTypeOf(results['by-air']).toEqualTypeOf<number | undefined>();
      expectTypeOf(results['by-sea']).toEqualTypeOf<string | undefined>();
      expectTypeOf(results.approved).toEqualTypeOf<{ by: string }>();
      if (results.confirmed.received) {
        expectTypeOf(results.confirmed.value).toEqualTypeOf<{ by: string }>();
      }
      expectTypeOf(results.deliver).toExtend<ChildResult<unknown>>();
      expectTypeOf(results.deliver.results.send.tracking).toEqualTypeOf<string>();
    },
  });
// @ts-expect-error a name in a branch is a name of the saga
graph.step('verify', { execute: () => 1 });
graph.parallel('more', (p) =>
  p
    .step('one', { execute: () => 1 })
    // @ts-expect-error two branches cannot have one name either
    .step('one', { execute: () => 1 }),
);
// @ts-expect-error a child is started with what its definition says
graph.child('again', child, { input: () => ({ parcel: 7 }) });

const pivoted = saga<Input>('pivoted')
  .step('reserve', { execute: () => 1, compensate: () => {} })
  .pivot('capture', { execute: () => 2 });
pivoted.step('ship', { execute: ({ results }) => results.capture }).build();
pivoted.step('note', { execute: () => 1, compensateWhen: 'forced', compensate: () => {} }).build();
// @ts-expect-error past the pivot nothing is undone, so an undo there is a mistake
pivoted.step('oops', { execute: () => 1, compensate: () => {} });
pivoted.when(
  'maybe',
  () => true,
  // @ts-expect-error in a branch neither
  (b) => b.step('oops', { execute: () => 1, compensate: () => {} }),
);
// @ts-expect-error a second pivot would be none
pivoted.pivot('again', { execute: () => 3 });

const bus = commandBus({
  reserve: (data: { readonly items: number }) => ({ reserved: data.items }),
  release: (_data: { readonly items: number }) => {},
});
saga<Input>('commands')
  .step(
    'reserve',
    commandStep(bus, {
      command: 'reserve',
      data: ({ input }) => ({ items: input.cents }),
      undo: {
        command: 'release',
        data: ({ result }) => ({ items: result?.reserved ?? 0 }),
      },
    }),
  )
  .step('next', {
    execute: ({ results }) => {
      expectTypeOf(results.reserve).toEqualTypeOf<{ reserved: number }>();
    },
  })
  .build();
saga<Input>('wrong').step(
  'reserve',
  // @ts-expect-error a command is sent what its handler takes
  commandStep(bus, { command: 'reserve', data: () => ({ pieces: 1 }) }),
);
