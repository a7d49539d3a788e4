import { PotterError } from '../errors/potter-error.ts';
import { traceContextOf } from '../events/caused-by.ts';
import type { EventMetadata } from '../events/event.ts';
import { newId } from '../foundation/ids.ts';
import { throwIfAborted } from '../foundation/sleep.ts';
import {
  type Correlation,
  correlationReader,
  withCorrelation,
} from '../observability/correlation.ts';
import { noopTracer, type Tracer } from '../observability/tracer.ts';
import type { Handler, Handlers, Message, SendOptions } from './message.ts';
import type { Middleware } from './middleware.ts';

/** How a bus differs from the plainest. */
export interface BusOptions {
  /** From the outermost to the innermost. Default none. */
  readonly middleware?: readonly Middleware[];
  /** Default: traces nothing. */
  readonly tracer?: Tracer;
}

/** What commands and queries have in common: finding the handler, and who asked for what. */
export class MessageBus {
  readonly #kind: Message['kind'];
  readonly #handlers: ReadonlyMap<string, Handler<never, unknown>>;
  readonly #options: BusOptions;
  readonly #correlation = correlationReader();

  constructor(kind: Message['kind'], modules: readonly Handlers[], options: BusOptions) {
    this.#kind = kind;
    this.#handlers = merged(kind, modules);
    this.#options = options;
  }

  async send(type: string, data: unknown, options: SendOptions = {}): Promise<unknown> {
    const { id = newId(), signal } = options;
    const inherited: EventMetadata = {
      ...definedOf(this.#correlation()),
      ...options.metadata,
    };
    const { causationId, correlationId = id } = inherited;
    const handler = this.#handlers.get(type);
    if (handler === undefined) throw notFound(this.#kind, type, this.#handlers.keys());
    throwIfAborted(signal);
    const { middleware = [], tracer = noopTracer } = this.#options;
    const kind = this.#kind;
    const spanOptions = {
      attributes: { 'potter.message': type, 'potter.message_id': id },
      // A trace that is running here is nearer than the one the metadata brought.
      parent: tracer.current() === undefined ? traceContextOf(inherited) : undefined,
    };
    return tracer.span(`${kind} ${type}`, spanOptions, async (span) => {
      const trace = span.context();
      const metadata: EventMetadata = { ...inherited, correlationId, causationId: id, ...trace };
      const message: Message = { kind, type, id, causationId, metadata, signal, data };
      const run = middleware.reduceRight<(message: Message) => Promise<unknown>>(
        (next, layer) => (passed) => layer(passed, next),
        // The compiler has checked the data against this handler where the message was sent.
        async (last) => handler(last.data as never, last),
      );
      return withCorrelation(metadata, () => run(message));
    });
  }
}

/** A correlation as metadata, whose fields are absent rather than undefined. */
function definedOf(correlation: Correlation | undefined): EventMetadata {
  const entries = Object.entries(correlation ?? {});
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function merged(
  kind: Message['kind'],
  modules: readonly Handlers[],
): ReadonlyMap<string, Handler<never, unknown>> {
  const handlers = new Map<string, Handler<never, unknown>>();
  for (const [type, handler] of modules.flatMap((module) => Object.entries(module))) {
    if (handlers.has(type)) {
      throw new PotterError('HANDLER_EXISTS', {
        message: `There are two handlers for the ${kind} '${type}'.`,
        remedy: 'Rename one of them: a message has exactly one handler.',
        details: { kind, type },
      });
    }
    handlers.set(type, handler);
  }
  return handlers;
}

function notFound(kind: Message['kind'], type: string, known: Iterable<string>): PotterError {
  const names = [...known];
  return new PotterError('HANDLER_NOT_FOUND', {
    message: `There is no handler for the ${kind} '${type}'; there are ${names.join(', ') || 'none at all'}.`,
    remedy: 'Check the spelling, or hand its handlers to the bus.',
    details: { kind, type, known: names },
  });
}
