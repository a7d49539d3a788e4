import type { JsonValue } from '../foundation/json.ts';

/** A fact in the past tense, as a domain makes it: `Event<'MoneyDeposited', { readonly amountCents: number }>`. */
export interface Event<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

/** What travels with an event and is not part of the fact: where it came from. Plain JSON. */
export interface EventMetadata {
  /** Shared by everything that follows from one request. */
  readonly correlationId?: string;
  /** The message that made this event happen: a command's or another event's id. */
  readonly causationId?: string;
  /** W3C trace context of the append. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly [key: string]: JsonValue | undefined;
}

/** What a writer may add to an event before it is appended. */
export interface NewEventFields {
  /** A UUID; default a new UUIDv7. Give your own to make a repeated append harmless. */
  readonly id?: string;
  /** Wins over the metadata given for the whole append. */
  readonly metadata?: EventMetadata;
  /** Labels to find the event by, such as `customer:42`. */
  readonly tags?: readonly string[];
  /** Version of the data's schema; default what the store's upcasters call current, else 1. */
  readonly schemaVersion?: number;
}

/** An event on its way into a store. Every plain {@link Event} is one. */
export type NewEvent<E extends Event = Event> = E & NewEventFields;

/** The names of the events of a union. */
export type EventTypeOf<E extends Event> = E['type'];

/** The member of a union that has this name. */
export type EventOfType<E extends Event, Type extends E['type']> = Extract<
  E,
  { readonly type: Type }
>;
