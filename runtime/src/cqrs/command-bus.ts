import type { DataOf, Handlers, ResultOf, SendOptions } from './message.ts';
import { type BusOptions, MessageBus } from './message-bus.ts';

/** Carries commands, each to its one handler. */
export interface CommandBus<Known extends Handlers> {
  /**
   * Runs the handler of `type` and gives back its result. What the handler throws comes out as it is.
   * @throws PotterError `HANDLER_NOT_FOUND` for a type without a handler, which only untyped code can name; `ABORTED`
   * when the signal has fired before the handler ran.
   */
  execute<Type extends keyof Known & string>(
    type: Type,
    data: DataOf<Known, Type>,
    options?: SendOptions,
  ): Promise<ResultOf<Known, Type>>;

  /** A bus that knows these commands too. @throws PotterError `HANDLER_EXISTS` */
  with<More extends Handlers>(handlers: More): CommandBus<Known & More>;
}

/**
 * A bus over a record of handlers; data and result types are theirs:
 * `commandBus({ openAccount: async (data: OpenAccount, context) => … })`.
 *
 * Everything a handler does belongs to the conversation of its command: events it appends and commands it sends carry
 * its correlation id, the command as their cause, and its trace.
 */
export function commandBus<Known extends Handlers>(
  handlers: Known,
  options: BusOptions = {},
): CommandBus<Known> {
  return busOf<Known>([handlers], options);
}

function busOf<Known extends Handlers>(
  modules: readonly Handlers[],
  options: BusOptions,
): CommandBus<Known> {
  const bus = new MessageBus('command', modules, options);
  return {
    // The handler registered under a type is the one whose result the type promises.
    execute: async <Type extends keyof Known & string>(
      type: Type,
      data: DataOf<Known, Type>,
      sending?: SendOptions,
    ) => (await bus.send(type, data, sending)) as ResultOf<Known, Type>,
    with: <More extends Handlers>(more: More) => busOf<Known & More>([...modules, more], options),
  };
}
