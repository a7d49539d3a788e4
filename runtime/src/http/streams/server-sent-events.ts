import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isPotterError } from '../../errors/potter-error.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import type { HttpService } from '../http-service.ts';

/** One event of a stream. */
export interface ServerSentEvent {
  /** Comes back as `Last-Event-ID` when the reader was cut off and goes on. Without line breaks. */
  readonly id?: string;
  /** Default `message`. */
  readonly event?: string;
  /** Sent as JSON. */
  readonly data: unknown;
}

/** What the source of a stream is told. */
export interface EventStreamContext {
  /** The id of the last event the reader has, when it goes on after a break. */
  readonly lastEventId: string | undefined;
  /** Fires when the reader is gone or the service stops: the source should end. */
  readonly signal: AbortSignal;
}

/** Options of {@link sendEvents}. */
export interface EventStreamOptions {
  /** A comment is sent when nothing else was for this long, so that proxies keep the line open. Default 15 s. */
  readonly heartbeat?: Duration;
  /** How long a reader waits before it comes again. Default 1 s. */
  readonly reconnect?: Duration;
}

/**
 * Answers a request with server-sent events until the source ends, the reader goes, or the service stops. A reader who
 * is slower than the source slows it down. An error of the source ends the stream; the reader comes again with
 * `Last-Event-ID`. Call it in a handler: `return sendEvents(service, request, reply, source)`.
 */
export function sendEvents(
  service: Pick<HttpService, 'stopping'>,
  request: FastifyRequest,
  reply: FastifyReply,
  source: (context: EventStreamContext) => AsyncIterable<ServerSentEvent>,
  options: EventStreamOptions = {},
): FastifyReply {
  const gone = new AbortController();
  // Not the request's own 'close': that comes as soon as its body was read.
  reply.raw.once('close', () => gone.abort());
  const { signal } = gone;
  // Not AbortSignal.any: Node 20 may collect such a signal while somebody waits for it.
  service.stopping.addEventListener('abort', () => gone.abort(), { once: true, signal });
  const output = new PassThrough();
  output.write(`retry: ${durationMs(options.reconnect ?? '1s')}\n\n`);
  const header = request.headers['last-event-id'];
  const lastEventId = typeof header === 'string' && header !== '' ? header : undefined;
  const heartbeatMs = durationMs(options.heartbeat ?? '15s');
  void pump(source({ lastEventId, signal }), output, { signal, heartbeatMs })
    .catch((error: unknown) => {
      if (!isPotterError(error, 'ABORTED'))
        request.log.error({ error }, 'a stream of events broke');
    })
    .finally(() => output.end());
  return (
    reply
      .header('cache-control', 'no-store')
      // Proxies of the nginx kind would otherwise hold events back.
      .header('x-accel-buffering', 'no')
      .type('text/event-stream; charset=utf-8')
      .send(output)
  );
}

async function pump(
  events: AsyncIterable<ServerSentEvent>,
  output: PassThrough,
  options: { readonly signal: AbortSignal; readonly heartbeatMs: number },
): Promise<void> {
  const { signal, heartbeatMs } = options;
  const iterator = events[Symbol.asyncIterator]();
  const heartbeat = setInterval(() => {
    if (!output.writableNeedDrain) output.write(': still here\n\n');
  }, heartbeatMs);
  const aborted = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next === undefined || next.done === true) return;
      heartbeat.refresh();
      if (!output.write(frame(next.value))) await Promise.race([once(output, 'drain'), aborted]);
      if (signal.aborted) return;
    }
  } finally {
    clearInterval(heartbeat);
    // A source that waits for its own next event ends by the signal; it is not waited for.
    void iterator.return?.()?.then(undefined, () => {});
  }
}

/** JSON has no line breaks, so data is always one line; ids and names are cleaned of them. */
function frame({ id, event, data }: ServerSentEvent): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${oneLine(id)}`]),
    ...(event === undefined ? [] : [`event: ${oneLine(event)}`]),
    `data: ${JSON.stringify(data)}`,
  ];
  return `${lines.join('\n')}\n\n`;
}

function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- U+0000 in an id makes readers drop it
  return text.replaceAll(/[\r\n\u0000]/g, ' ');
}
