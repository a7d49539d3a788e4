/** Commands and queries: typed buses over plain handler functions, and what can stand between sender and handler. */
export { commandBus, type CommandBus } from './command-bus.ts';
export { queryBus, type QueryBus } from './query-bus.ts';
export type { BusOptions } from './message-bus.ts';
export type {
  DataOf,
  Handler,
  Handlers,
  Message,
  MessageContext,
  ResultOf,
  SendOptions,
} from './message.ts';
// Middleware: the first is the outermost
export { limitTime, logMessages, measureMessages, type Middleware } from './middleware.ts';
