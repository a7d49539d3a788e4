import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Which conversation the code that runs now belongs to, and what made it run. Event metadata is one of these; whatever
 * else it has (a user, a tenant) travels along.
 */
export interface Correlation {
  /** Shared by everything that follows from one request. */
  readonly correlationId?: string | undefined;
  /** The message being handled: a command's or an event's id. */
  readonly causationId?: string | undefined;
  /** W3C trace context, for when no tracer knows a nearer one. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

const current = new AsyncLocalStorage<Correlation>();

/**
 * Whether anybody can ask for it. Until then nothing is carried along: on Node 20, once one context is, every promise of the
 * process costs half as much again.
 */
let isRead = false;

/**
 * Runs `work` as part of a conversation: events and commands it makes, however deep in its calls, carry these ids
 * unless they are given others. The command bus does this for its handlers; do it yourself around the handling of an
 * event or of a request: `withCorrelation(causedBy(event), () => …)`.
 */
export function withCorrelation<T>(correlation: Correlation, work: () => T): T {
  return isRead ? current.run(correlation, work) : work();
}

/**
 * How to ask for the conversation the calling code belongs to. Conversations that begin from now on are carried along, so
 * whoever reads them takes this when it is made, not when it reads.
 */
export function correlationReader(): () => Correlation | undefined {
  isRead = true;
  return () => current.getStore();
}
