import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { newId } from 'potter-runtime/foundation';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { compiled } from '../../support/compiled-programs.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { deferred } from '../../support/deferred.ts';

let database: TestDatabase;
const running: ServiceProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ components: ['idempotency'] });
  await database.pool.query('CREATE TABLE effects (no serial PRIMARY KEY, name text NOT NULL)');
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.kill()));
});

afterAll(() => database.close());

describe('a start', () => {
  test('says where the service listens, in one structured line', async () => {
    const service = await ServiceProcess.listening();
    const line = service.lines.find((text) => text.includes('listening'));
    expect(JSON.parse(line ?? '')).toMatchObject({
      level: 'info',
      msg: `listening on ${service.url}`,
    });
    expect(await service.status('/ready')).toBe(200);
  });

  test('on a port that is taken ends with one line and exit code 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const service = new ServiceProcess({ PORT: String(port) });
    expect(await service.exitCode).toBe(1);
    expect(service.errors).toBe(
      `Cannot listen on 127.0.0.1:${port}: the port is taken. Set PORT or HOST to another one; PORT=0 takes any free port.\n`,
    );
    taken.close();
  });

  test('without its database serves, says 503 and why, and is ready once it answers', async () => {
    await using relay = await relayTo(new URL(database.url));
    const { port } = relay;
    const away = new URL(database.url);
    away.port = String(port);
    const service = await ServiceProcess.listening({ DATABASE_URL: away.href });
    expect(await service.status('/health')).toBe(200);
    const ready = await fetch(`${service.url}/ready`);
    expect(ready.status).toBe(503);
    const report = await ready.text();
    expect(report).toContain('"database":{"ok":false');
    expect(report).toContain(`127.0.0.1:${port}`);
    expect(report).not.toContain(`:${away.password || 'password'}@`);
    const refused = await service.post('a');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await refused.json()).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    relay.open();
    expect(await service.status('/ready')).toBe(200);
    expect((await service.post('a')).status).toBe(201);
    expect(relay.connections).toBeGreaterThan(0);
  });
});

describe('SIGTERM', () => {
  test('finishes what is in flight, closes in order and exits with 0', async () => {
    const service = await ServiceProcess.listening();
    const inFlight = service.post('in-flight', { holdMs: 500 });
    await service.line('holding in-flight');
    service.process.kill('SIGTERM');
    await service.line('SIGTERM: stopping');
    expect((await inFlight).status).toBe(201);
    expect(await service.exitCode).toBe(0);
    expect(service.lines.some((line) => line.includes('closed in order: sagas, pool'))).toBe(true);
    await expect(fetch(`${service.url}/health`)).rejects.toThrow('fetch failed');
  });

  test('with a request that hangs names it and exits with 1 in time, sagas handed over all the same', async () => {
    const service = await ServiceProcess.listening({ SHUTDOWN_TIMEOUT: '1s' });
    const hanging = fetch(`${service.url}/hang`).catch((error: unknown) => error);
    await service.line('hanging');
    const before = performance.now();
    service.process.kill('SIGTERM');
    expect(await service.exitCode).toBe(1);
    // The request would hang for ever.
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(
      service.lines.some((line) => line.includes('did not end within 1000 ms: GET /hang')),
    ).toBe(true);
    expect(service.lines.some((line) => line.includes('closed in order: sagas, pool'))).toBe(true);
    expect(await hanging).toBeInstanceOf(Error);
  });

  test('with a resource that hangs names it and exits with 1 in time', async () => {
    const service = await ServiceProcess.listening({ SHUTDOWN_TIMEOUT: '500ms', HANG: 'sagas' });
    service.process.kill('SIGTERM');
    expect(await service.exitCode).toBe(1);
    expect(service.lines.some((line) => line.includes('did not end within 500 ms: sagas'))).toBe(
      true,
    );
  });

  test('twice exits at once', async () => {
    // Longer than any test: that it ends says that nothing was waited for.
    const service = await ServiceProcess.listening({ SHUTDOWN_TIMEOUT: '1h', HANG: 'sagas' });
    service.process.kill('SIGINT');
    await service.line('sagas handed over');
    service.process.kill('SIGINT');
    expect(await service.exitCode).toBe(1);
  });
});

test.each([
  ['thrown', 'throw', 'uncaughtException'],
  ['rejected', 'reject', 'unhandledRejection'],
])(
  'an error that is %s and that nobody catches is logged, and stops the service in order with exit code 1',
  async (message, how, reason) => {
    const service = await ServiceProcess.listening();
    await fetch(`${service.url}/crash/${how}`, { method: 'POST' }).catch(() => {});
    expect(await service.exitCode).toBe(1);
    const logged = service.lines.find((line) => line.includes('an error that nobody caught'));
    expect(JSON.parse(logged ?? '')).toMatchObject({ level: 'error', error: { message } });
    expect(service.lines.some((line) => line.includes(`${reason}: stopping`))).toBe(true);
    expect(service.lines.some((line) => line.includes('closed in order: sagas, pool'))).toBe(true);
  },
);

describe('an Idempotency-Key', () => {
  test('makes one effect of 30 requests to three processes at once', async () => {
    const services = await Promise.all([1, 2, 3].map(async () => ServiceProcess.listening()));
    const name = newId();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => services)
        .flat()
        .map((service) => service.post(name, { holdMs: 20 }, { 'idempotency-key': name })),
    );
    const bodies = await Promise.all(
      answers.map(async (answer) => [answer.status, await answer.text()]),
    );
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(answers.filter((answer) => !answer.headers.has('idempotency-replayed'))).toHaveLength(1);
    expect(await effects(name)).toBe(1);
  });

  test('of a request cut off by kill -9 makes one effect when it is sent again', async () => {
    const victim = await ServiceProcess.listening({ HOLD_MS: '600000' });
    const name = newId();
    const cutOff = victim.post(name, {}, { 'idempotency-key': name });
    const failed = cutOff.then(
      () => 'answered',
      () => 'cut off',
    );
    await victim.line(`holding ${name}`);
    victim.process.kill('SIGKILL');
    expect(await failed).toBe('cut off');
    expect(await effects(name)).toBe(0);
    const next = await ServiceProcess.listening();
    const again = await next.post(name, {}, { 'idempotency-key': name });
    expect([again.status, again.headers.has('idempotency-replayed')]).toEqual([201, false]);
    expect(await effects(name)).toBe(1);
  });
});

async function effects(name: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM effects WHERE name = $1',
    [name],
  );
  return rows[0]?.count ?? 0;
}

interface Relay extends AsyncDisposable {
  readonly port: number;
  /** That were passed on. */
  readonly connections: number;
  /** Passes on from now on. */
  open(): void;
}

/** Stands on a port of its own and, once it is open, passes bytes on to a database; until then it hangs up on everybody. */
async function relayTo(url: URL): Promise<Relay> {
  let connections = 0;
  let isOpen = false;
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    if (!isOpen) {
      socket.destroy();
      return;
    }
    connections += 1;
    const onward = connect(Number(url.port), url.hostname);
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('error', () => {});
    }
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    open: () => {
      isOpen = true;
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A service in a process of its own. */
class ServiceProcess {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  readonly exitCode: Promise<number | null>;
  readonly lines: string[] = [];
  errors = '';
  url = '';
  readonly #listeners = new Set<() => void>();

  static async listening(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const service = new ServiceProcess(env);
    const line = await service.line('listening on');
    service.url = /http:\/\/[^"]+/.exec(line)?.[0] ?? '';
    return service;
  }

  constructor(env: Record<string, string>) {
    const program = compiled(fileURLToPath(new URL('./service-program.ts', import.meta.url)));
    this.process = spawn(process.execPath, [program], {
      env: { PATH: process.env['PATH'], PORT: '0', DATABASE_URL: database.url, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exitCode = once(this.process, 'close').then(([code]) => code as number | null);
    let rest = '';
    this.process.stdout.on('data', (chunk: Buffer) => {
      const [last = '', ...lines] = (rest + chunk.toString()).split('\n').toReversed();
      rest = last;
      this.lines.push(...lines.toReversed());
      for (const listener of this.#listeners) listener();
    });
    this.process.stderr.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    running.push(this);
  }

  /** Waits for a line of the log. */
  async line(part: string): Promise<string> {
    const find = (): string | undefined => this.lines.find((line) => line.includes(part));
    const seen = find();
    if (seen !== undefined) return seen;
    const appearance = deferred<string>();
    const check = (): void => {
      const line = find();
      if (line !== undefined) appearance.resolve(line);
    };
    this.#listeners.add(check);
    const ended = this.exitCode.then((code): never => {
      throw new Error(
        `exited with ${code} before '${part}': ${this.errors}\n${this.lines.join('\n')}`,
      );
    });
    try {
      return await Promise.race([appearance.promise, ended]);
    } finally {
      this.#listeners.delete(check);
      ended.catch(() => {});
    }
  }

  async status(path: string): Promise<number> {
    const response = await fetch(`${this.url}${path}`);
    await response.text();
    return response.status;
  }

  post(name: string, body: object = {}, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}/effects/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  async kill(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null)
      this.process.kill('SIGKILL');
    await this.exitCode;
  }
}
