import type { EventMetadata } from '../events/event.ts';

/** What a handler is told about the message it handles. Can be handed to a repository's `handle` as its options. */
export interface MessageContext {
  /** Whether the message asks for a change or for an answer. */
  readonly kind: 'command' | 'query';
  /** The name it is registered under. */
  readonly type: string;
  /** A UUID of this message: the cause of whatever it makes happen. */
  readonly id: string;
  /** The message or event that made the sender send this one, if any. */
  readonly causationId: string | undefined;
  /** Metadata for events and further messages: correlation, this message as cause, trace, and what the sender added. */
  readonly metadata: EventMetadata;
  /** Fires when the sender no longer waits. */
  readonly signal: AbortSignal | undefined;
}

/** A message on its way to its handler. */
export interface Message extends MessageContext {
  readonly data: unknown;
}

/** What handles a message of one type: a function of its data. */
export type Handler<Data, Result> = (
  data: Data,
  context: MessageContext,
) => Result | Promise<Result>;

/** Handlers by message type. The types of the bus follow from it: there is nothing else to declare. */
export type Handlers = Readonly<Record<string, Handler<never, unknown>>>;

/** The data that a message of this type carries. */
export type DataOf<Known extends Handlers, Type extends keyof Known> = Parameters<Known[Type]>[0];

/** What a message of this type is answered with. */
export type ResultOf<Known extends Handlers, Type extends keyof Known> = Awaited<
  ReturnType<Known[Type]>
>;

/** How to send one message. */
export interface SendOptions {
  /** Its own id, a UUID; default a new one. */
  readonly id?: string | undefined;
  /**
   * Default: the correlation that the calling code runs in. Of what is given here `causationId` is what caused the
   * message; everything else goes on to what the message causes.
   */
  readonly metadata?: EventMetadata | undefined;
  readonly signal?: AbortSignal | undefined;
}
