import type { DataOf, Handlers, ResultOf, SendOptions } from './message.ts';
import { type BusOptions, MessageBus } from './message-bus.ts';

/** Carries queries, each to its one handler. */
export interface QueryBus<Known extends Handlers> {
  /**
   * Runs the handler of `type` and gives back its answer. What the handler throws comes out as it is.
   * @throws PotterError `HANDLER_NOT_FOUND` for a type without a handler, which only untyped code can name; `ABORTED`
   * when the signal has fired before the handler ran.
   */
  ask<Type extends keyof Known & string>(
    type: Type,
    data: DataOf<Known, Type>,
    options?: SendOptions,
  ): Promise<ResultOf<Known, Type>>;

  /** A bus that knows these queries too. @throws PotterError `HANDLER_EXISTS` */
  with<More extends Handlers>(handlers: More): QueryBus<Known & More>;
}

/**
 * A bus over a record of handlers; data and result types are theirs:
 * `queryBus({ accountById: async (data: { id: string }) => … })`.
 */
export function queryBus<Known extends Handlers>(
  handlers: Known,
  options: BusOptions = {},
): QueryBus<Known> {
  return busOf<Known>([handlers], options);
}

function busOf<Known extends Handlers>(
  modules: readonly Handlers[],
  options: BusOptions,
): QueryBus<Known> {
  const bus = new MessageBus('query', modules, options);
  return {
    // The handler registered under a type is the one whose result the type promises.
    ask: async <Type extends keyof Known & string>(
      type: Type,
      data: DataOf<Known, Type>,
      sending?: SendOptions,
    ) => (await bus.send(type, data, sending)) as ResultOf<Known, Type>,
    with: <More extends Handlers>(more: More) => busOf<Known & More>([...modules, more], options),
  };
}
