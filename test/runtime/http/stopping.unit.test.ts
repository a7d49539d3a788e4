import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createHttpService, type HttpService } from 'potter-runtime/http';
import { describe, expect, test } from 'vitest';
import { deferred } from '../../support/deferred.ts';

/** A request of which the last line is still to come: its connection is neither idle nor silent. */
async function halfSent(url: string, path: string): Promise<{ finish(): Promise<string> }> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n`);
  return {
    finish: async () => {
      let answer = '';
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      socket.write('\r\n');
      await once(socket, 'close');
      return answer;
    },
  };
}

async function busy(): Promise<{
  service: HttpService;
  url: string;
  begun: Promise<void>;
  finish: () => void;
}> {
  const gate = deferred();
  const begun = deferred();
  const service = await createHttpService({ name: 'x', version: '1', shutdownTimeout: '15s' });
  service.app.get('/slow', async () => {
    begun.resolve();
    await gate.promise;
    return { done: true };
  });
  const url = await service.listen({ port: 0 });
  return { service, url, begun: begun.promise, finish: () => gate.resolve() };
}

describe('a service that stops', () => {
  test.each([
    ['/slow', 503, 'SHUTTING_DOWN'],
    ['/ready', 503, '"stopping"'],
    ['/health', 200, '"ok"'],
  ])('answers a late %s with %i', async (path, status, word) => {
    const { service, url, begun, finish } = await busy();
    const inFlight = fetch(`${url}/slow`);
    await begun;
    const late = await halfSent(url, path);
    // The server must have read the half before the stop: an answer on another connection says it has come so far.
    await (await fetch(`${url}/health`)).text();
    const closed = service.close();
    const answer = await late.finish();
    expect(answer).toContain(`HTTP/1.1 ${status}`);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).toContain(word);
    finish();
    expect((await inFlight).status).toBe(200);
    expect(await closed).toEqual([]);
  });

  test('does not wait for connections on which nothing was sent, nor for idle ones', async () => {
    const { service, url } = await busy();
    const { hostname, port } = new URL(url);
    const silent = connect(Number(port), hostname);
    await once(silent, 'connect');
    const ended = once(silent, 'close');
    silent.resume();
    await (await fetch(`${url}/health`)).text();
    const before = performance.now();
    expect(await service.close()).toEqual([]);
    // It would wait for them for as long as it may.
    expect(performance.now() - before).toBeLessThan(10_000);
    await ended;
  });

  test('is not held to have failed by a sender who never finishes a body', async () => {
    const service = await createHttpService({ name: 'x', version: '1', shutdownTimeout: '500ms' });
    service.app.post('/take', async () => ({ done: true }));
    const { hostname, port } = new URL(await service.listen({ port: 0 }));
    const socket = connect(Number(port), hostname);
    const head = 'POST /take HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    const arrived = once(service.app.server, 'request');
    socket.write(`${head}Content-Length: 100\r\n\r\n{"a`);
    await arrived;
    const ended = once(socket, 'close');
    socket.resume();
    expect(await service.close()).toEqual([]);
    await ended;
  });

  test('stops once, however often it is told to', async () => {
    const { service } = await busy();
    expect(service.close()).toBe(service.close());
    await service.close();
  });

  test('closes every resource, in order, even when one fails', async () => {
    const closed: string[] = [];
    const service = await createHttpService({
      name: 'x',
      version: '1',
      resources: [
        {
          name: 'sagas',
          close: async () => {
            closed.push('sagas');
            throw new Error('lost the database');
          },
        },
        {
          name: 'events',
          close: () => {
            throw new Error('thrown before there was a promise');
          },
        },
        { name: 'pool', close: async () => closed.push('pool') },
      ],
    });
    expect(await service.close()).toEqual([]);
    expect(closed).toEqual(['sagas', 'pool']);
  });
});
