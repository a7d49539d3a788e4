import { expectTypeOf } from 'expect-type';
import { commandBus, type MessageContext, queryBus } from 'potter-runtime/cqrs';

interface OpenAccount {
  readonly owner: string;
}

const commands = commandBus({
  openAccount: async (data: OpenAccount, context) => {
    expectTypeOf(context).toEqualTypeOf<MessageContext>();
    return { id: data.owner, version: 1n };
  },
  tick: () => 'tock' as const,
});

expectTypeOf(commands.execute('openAccount', { owner: 'Ada' })).resolves.toEqualTypeOf<{
  id: string;
  version: bigint;
}>();
expectTypeOf(commands.execute('tick', undefined)).resolves.toEqualTypeOf<'tock'>();
// @ts-expect-error a type without a handler does not compile
void commands.execute('closeAccount', {});
// @ts-expect-error data of another form does not compile
void commands.execute('openAccount', { owner: 1 });
// @ts-expect-error data cannot be left out
void commands.execute('openAccount');

const more = commands.with({ closeAccount: (data: { readonly id: string }) => data.id.length });
expectTypeOf(more.execute('closeAccount', { id: 'x' })).resolves.toEqualTypeOf<number>();
expectTypeOf(more.execute('tick', undefined)).resolves.toEqualTypeOf<'tock'>();

const queries = queryBus({ accountById: async (data: { readonly id: string }) => data.id });
expectTypeOf(queries.ask('accountById', { id: 'x' })).resolves.toEqualTypeOf<string>();
// @ts-expect-error queries are asked, not executed
void queries.execute('accountById', { id: 'x' });
