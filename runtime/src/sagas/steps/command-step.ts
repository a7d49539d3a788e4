import type { CommandBus } from '../../cqrs/command-bus.ts';
import type { DataOf, Handlers, ResultOf, SendOptions } from '../../cqrs/message.ts';
import { idOfName } from '../../foundation/ids.ts';
import type {
  AttemptContext,
  CompensateContext,
  ExecuteContext,
} from '../definition/step-context.ts';
import type { StepOptions, StepPolicy } from '../definition/step-options.ts';

/** A command and how its data is made from what the saga knows. */
interface CommandOf<Known extends Handlers, Type extends keyof Known & string, Context> {
  readonly command: Type;
  readonly data: (context: Context) => DataOf<Known, Type>;
}

/** How a command step is done and undone, and how often it is tried. */
export interface CommandStepOptions<
  Known extends Handlers,
  Type extends keyof Known & string,
  UndoType extends keyof Known & string,
  Input,
  Results,
>
  extends CommandOf<Known, Type, ExecuteContext<Input, Results>>, StepPolicy<'attempted'> {
  /** The command that undoes it. Left out: nothing to undo. */
  readonly undo?: CommandOf<
    Known,
    UndoType,
    CompensateContext<Input, Results, ResultOf<Known, Type>, 'attempted'>
  >;
}

/**
 * A step that sends a command through a bus, and whose undo sends another. The command's id is made of the key of the step, the
 * same for every attempt: a handler that must not work twice remembers it (`context.id`).
 *
 * ```ts
 * saga<Order>('order').step(
 *   'reserve',
 *   commandStep(bus, {
 *     command: 'reserveStock',
 *     data: ({ input }) => ({ items: input.items }),
 *     undo: { command: 'releaseStock', data: ({ input }) => ({ items: input.items }) },
 *   }),
 * )
 * ```
 */
export function commandStep<
  Known extends Handlers,
  Type extends keyof Known & string,
  UndoType extends keyof Known & string,
  Input,
  Results,
>(
  bus: CommandBus<Known>,
  options: CommandStepOptions<Known, Type, UndoType, Input, Results>,
): StepOptions<Input, Results, ResultOf<Known, Type>, 'attempted'> {
  const { command, data, undo, ...policy } = options;
  return {
    ...policy,
    execute: (context) => bus.execute(command, data(context), sending(context)),
    ...(undo && {
      compensate: (context) => bus.execute(undo.command, undo.data(context), sending(context)),
    }),
  };
}

function sending({ key, signal }: AttemptContext<unknown, unknown>): SendOptions {
  return { id: idOfName(key), signal };
}
