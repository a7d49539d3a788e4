import {
  createHttpService,
  type EventStreamContext,
  type HttpService,
  sendEvents,
  type ServerSentEvent,
} from 'potter-runtime/http';
import { describe, expect, test } from 'vitest';
import { deferred } from '../../support/deferred.ts';

type Source = (context: EventStreamContext) => AsyncIterable<ServerSentEvent>;

async function streaming(
  source: Source,
  heartbeat: '20ms' | '15s' = '15s',
): Promise<HttpService & { readonly url: string }> {
  const service = await createHttpService({ name: 'x', version: '1' });
  service.app.get('/events', (request, reply) =>
    sendEvents(service, request, reply, source, { heartbeat }),
  );
  return Object.assign(service, { url: `${await service.listen({ port: 0 })}/events` });
}

/** Waits for the signal, as a source does that waits for what happens next. */
async function* quietUntil({ signal }: EventStreamContext): AsyncGenerator<ServerSentEvent> {
  const gone = deferred();
  signal.addEventListener('abort', () => gone.resolve());
  yield { data: 'first' };
  await gone.promise;
}

async function readUntil(body: AsyncIterable<Uint8Array> | null, needle: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(needle)) break;
  }
  return text;
}

describe('a stream of events', () => {
  test('has each event with id, name and JSON, and ends with its source', async () => {
    await using service = await streaming(async function* source() {
      yield { id: '1', event: 'step', data: { text: 'two\nlines' } };
      yield { id: 'a\nb', data: null };
    });
    const response = await fetch(service.url);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toBe(
      'retry: 1000\n\nid: 1\nevent: step\ndata: {"text":"two\\nlines"}\n\nid: a b\ndata: null\n\n',
    );
  });

  test('goes on where its reader was cut off', async () => {
    await using service = await streaming(async function* source({ lastEventId }) {
      yield { data: lastEventId ?? 'start' };
    });
    const again = await fetch(service.url, { headers: { 'last-event-id': '41' } });
    expect(await again.text()).toContain('data: "41"');
    expect(await (await fetch(service.url)).text()).toContain('data: "start"');
  });

  test('is kept open by comments while nothing happens', async () => {
    await using service = await streaming(quietUntil, '20ms');
    const reader = new AbortController();
    const response = await fetch(service.url, { signal: reader.signal });
    expect(await readUntil(response.body, ': still here')).toContain(': still here\n\n');
    reader.abort();
  });

  test('tells its source when the reader goes', async () => {
    const told = deferred();
    await using service = await streaming(async function* source({ signal }) {
      signal.addEventListener('abort', () => told.resolve());
      yield { data: 'first' };
      await told.promise;
    });
    const reader = new AbortController();
    const response = await fetch(service.url, { signal: reader.signal });
    await readUntil(response.body, 'first');
    reader.abort();
    await expect(told.promise).resolves.toBeUndefined();
  });

  test('ends when the service stops, and does not hold the stop up', async () => {
    const service = await streaming(quietUntil);
    const response = await fetch(service.url);
    const text = response.text();
    expect(await service.close()).toEqual([]);
    expect(await text).toContain('data: "first"');
  });

  test('ends, and the service lives, when its source fails', async () => {
    await using service = await streaming(async function* source() {
      yield { data: 'first' };
      throw new Error('broken');
    });
    const text = await (await fetch(service.url)).text();
    expect(text).toContain('first');
    expect(text).not.toContain('broken');
    expect((await service.app.inject({ url: '/health' })).statusCode).toBe(200);
  });

  test('lets a slow reader slow its source down', async () => {
    let made = 0;
    const filler = 'x'.repeat(64 * 1024);
    await using service = await streaming(async function* source({ signal }) {
      while (!signal.aborted && made < 5_000) {
        made += 1;
        yield { data: filler };
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const reader = new AbortController();
    const response = await fetch(service.url, { signal: reader.signal });
    await readUntil(response.body === null ? null : firstChunk(response.body), 'x');
    // What the reader left unread fills the buffers between the two; then the source must stand still.
    let before = -1;
    while (before !== made) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(made).toBeLessThan(5_000);
    reader.abort();
  });
});

/** Reads one chunk and leaves the stream open. */
async function* firstChunk(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const { value } = await reader.read();
  if (value !== undefined) yield value;
}
