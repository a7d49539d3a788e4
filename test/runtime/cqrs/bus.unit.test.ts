import { describe, expect, test, vi } from 'vitest';
import { repository } from 'potter-runtime/aggregates';
import {
  commandBus,
  limitTime,
  logMessages,
  measureMessages,
  type MessageContext,
  type Middleware,
  queryBus,
} from 'potter-runtime/cqrs';
import { Rejection } from 'potter-runtime/errors';
import { causedBy } from 'potter-runtime/events';
import { InMemoryEventStore } from 'potter-runtime/event-store';
import { isUuid, newId, silentLogger } from 'potter-runtime/foundation';
import {
  currentCorrelation,
  noopMeter,
  noopTracer,
  type Tracer,
  withCorrelation,
} from 'potter-runtime/observability';
import { VirtualClock } from 'potter-runtime/testing';
import { bankAccount, deposit, open } from '../aggregates/bank-account.ts';

const echo = {
  echo: async (data: { readonly text: string }, context: MessageContext) => ({ data, context }),
};

const noting =
  (log: string[], name: string): Middleware =>
  async (message, next) => {
    log.push(`${name} in`);
    const result = await next(message);
    log.push(`${name} out`);
    return result;
  };

const upper: Middleware = (message, next) => next({ ...message, data: { text: 'CHANGED' } });
const twice: Middleware = async (message, next) => {
  try {
    return await next(message);
  } catch {
    return next(message);
  }
};
const cached: Middleware = async () => 'from the cache';

describe('a bus', () => {
  test('hands the data to the one handler of the type and its result back', async () => {
    const commands = commandBus({ double: (data: { readonly n: number }) => data.n * 2 });
    expect(await commands.execute('double', { n: 21 })).toBe(42);
    const queries = queryBus({
      names: async (data: { readonly of: number }) => Array.from({ length: data.of }, () => 'x'),
    });
    expect(await queries.ask('names', { of: 2 })).toEqual(['x', 'x']);
  });

  test('passes on what the handler throws, as it is', async () => {
    const rejection = new Rejection('NO', 'No.');
    const commands = commandBus({
      refuse: () => {
        throw rejection;
      },
    });
    await expect(commands.execute('refuse', undefined)).rejects.toBe(rejection);
  });

  test.each(['unknown', 'toString', '__proto__'])(
    'refuses %s, which has no handler, and names those there are',
    async (type) => {
      const commands = commandBus(echo);
      await expect(commands.execute(type as 'echo', { text: '' })).rejects.toMatchObject({
        code: 'HANDLER_NOT_FOUND',
        details: { kind: 'command', type, known: ['echo'] },
      });
    },
  );

  test('grows by modules, and refuses a second handler for a type', async () => {
    const queries = queryBus(echo).with({ one: () => 1 });
    expect(await queries.ask('one', undefined)).toBe(1);
    expect(() => queries.with({ echo: () => 1 })).toThrow(
      expect.objectContaining({ code: 'HANDLER_EXISTS' }),
    );
  });

  test('does not start for a sender that gave up already', async () => {
    const handler = vi.fn<() => number>(() => 1);
    const commands = commandBus({ count: handler });
    const sent = commands.execute('count', undefined, { signal: AbortSignal.abort() });
    await expect(sent).rejects.toMatchObject({ code: 'ABORTED' });
    expect(handler).not.toHaveBeenCalled();
  });
});

describe('middleware', () => {
  test('the first is the outermost: it sees the message first and the answer last', async () => {
    const log: string[] = [];
    const middleware = [noting(log, 'a'), noting(log, 'b'), noting(log, 'c')];
    await commandBus({ work: () => void log.push('work') }, { middleware }).execute(
      'work',
      undefined,
    );
    expect(log).toEqual(['a in', 'b in', 'c in', 'work', 'c out', 'b out', 'a out']);
  });

  test('may change the message, answer itself, or run the rest again', async () => {
    let runs = 0;
    const handlers = {
      flaky: (data: { readonly text: string }) => {
        runs += 1;
        if (runs === 1) throw new Error('first time');
        return data.text;
      },
    };
    expect(
      await commandBus(handlers, { middleware: [twice, upper] }).execute('flaky', { text: 'x' }),
    ).toBe('CHANGED');
    expect(await queryBus(handlers, { middleware: [cached] }).ask('flaky', { text: 'x' })).toBe(
      'from the cache',
    );
    expect(runs).toBe(2);
  });

  test('limitTime ends the wait with TIMEOUT and fires the handler’s signal', async () => {
    const clock = new VirtualClock();
    let reason: unknown;
    const handlers = {
      slow: (_data: undefined, { signal }: MessageContext) =>
        new Promise<never>(() => signal?.addEventListener('abort', () => (reason = signal.reason))),
      quick: () => 'in time',
    };
    const commands = commandBus(handlers, { middleware: [limitTime('5s', { clock })] });
    const sent = commands.execute('slow', undefined);
    sent.catch(() => {});
    await clock.advance('5s');
    await expect(sent).rejects.toMatchObject({
      code: 'TIMEOUT',
      details: { type: 'slow', limitMs: 5_000 },
    });
    expect(reason).toMatchObject({ code: 'TIMEOUT' });
    expect(await commands.execute('quick', undefined)).toBe('in time');
    expect(clock.pending).toBe(0);
  });

  test('limitTime passes the sender’s own signal on', async () => {
    const controller = new AbortController();
    const handlers = {
      wait: (_data: undefined, { signal }: MessageContext) =>
        new Promise<string>((resolve) => signal?.addEventListener('abort', () => resolve('heard'))),
    };
    const sent = commandBus(handlers, {
      middleware: [limitTime('1h', { clock: new VirtualClock() })],
    }).execute('wait', undefined, { signal: controller.signal });
    controller.abort();
    expect(await sent).toBe('heard');
  });

  test('logMessages logs done at debug, refused at info, failed at error, and never the data', async () => {
    const lines: string[] = [];
    const note = (level: string) => (text: string, fields?: object) =>
      lines.push(`${level} ${text} ${JSON.stringify(fields)}`);
    const logger = {
      ...silentLogger,
      debug: note('debug'),
      info: note('info'),
      error: note('error'),
    };
    const handlers = {
      fine: (_data: { readonly secret: string }) => 1,
      refused: (_data: { readonly secret: string }) => Promise.reject(new Rejection('NO', 'No.')),
      broken: (_data: { readonly secret: string }) => Promise.reject(new Error('boom')),
    };
    const commands = commandBus(handlers, { middleware: [logMessages(logger)] });
    await commands.execute('fine', { secret: 'hush' });
    await expect(commands.execute('refused', { secret: 'hush' })).rejects.toThrow('No.');
    await expect(commands.execute('broken', { secret: 'hush' })).rejects.toThrow('boom');
    expect(lines.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'debug fine done',
      'info refused refused',
      'error broken failed',
    ]);
    expect(lines.join()).not.toContain('hush');
  });

  test('measureMessages records kind, type and outcome', async () => {
    const record = vi.fn<(value: number, attributes?: object) => void>();
    const meter = { ...noopMeter, histogram: () => ({ record }) };
    const queries = queryBus(
      { fine: () => 1, broken: () => Promise.reject(new Error('x')) },
      { middleware: [measureMessages(meter)] },
    );
    await queries.ask('fine', undefined);
    await expect(queries.ask('broken', undefined)).rejects.toThrow('x');
    expect(record.mock.calls.map(([, attributes]) => attributes)).toEqual([
      { kind: 'query', type: 'fine', outcome: 'done' },
      { kind: 'query', type: 'broken', outcome: 'failed' },
    ]);
  });
});

describe('correlation', () => {
  const eventStore = new InMemoryEventStore();
  const accounts = repository(bankAccount, { eventStore });
  const handlers = {
    open: async ({ id }: { readonly id: string }) => accounts.handle(id, open('Ada')),
    deposit: async ({ id }: { readonly id: string }) => accounts.handle(id, deposit(1)),
  };

  test('a message starts a conversation with its own id, or goes on with the one it is given', async () => {
    const { context } = await commandBus(echo).execute('echo', { text: '' });
    expect(context.id).toSatisfy(isUuid);
    expect(context).toMatchObject({
      causationId: undefined,
      metadata: { correlationId: context.id, causationId: context.id },
    });
    const given = await commandBus(echo).execute(
      'echo',
      { text: '' },
      { metadata: { correlationId: 'c', causationId: 'cause', user: 'u' } },
    );
    expect(given.context).toMatchObject({
      causationId: 'cause',
      metadata: { correlationId: 'c', causationId: given.context.id, user: 'u' },
    });
  });

  test('flows from a command to its events, from an event to the commands it leads to, and on to their events', async () => {
    const commands = commandBus(handlers);
    const commandId = newId();
    const { events } = await commands.execute(
      'open',
      { id: 'flow' },
      { id: commandId, metadata: { correlationId: 'request-1', tenant: 't' } },
    );
    const [opened] = events;
    expect(opened?.metadata).toMatchObject({
      correlationId: 'request-1',
      causationId: commandId,
      tenant: 't',
    });
    if (opened === undefined) throw new Error('no event');

    const next = await withCorrelation(causedBy(opened), () =>
      commands.execute('deposit', { id: 'flow' }),
    );
    expect(next.events[0]?.metadata['correlationId']).toBe('request-1');
    expect(next.events[0]?.metadata['causationId']).not.toBe(commandId);
  });

  test('conversations at the same time do not mix', async () => {
    const commands = commandBus(handlers);
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        commands.execute('open', { id: `mix-${n}` }, { metadata: { correlationId: `c-${n}` } }),
      ),
    );
    expect(all.map(({ events }) => events[0]?.metadata['correlationId'])).toEqual(
      Array.from({ length: 50 }, (_, n) => `c-${n}`),
    );
    expect(currentCorrelation()).toBeUndefined();
  });

  test('the trace of the command is in its events; a trace in the metadata is continued', async () => {
    const parents: unknown[] = [];
    const tracer: Tracer = {
      ...noopTracer,
      span: (name, options, work) => {
        parents.push([name, options.parent]);
        return work({
          setAttribute: () => {},
          recordError: () => {},
          context: () => ({ traceparent: `trace of ${name}` }),
        });
      },
    };
    const commands = commandBus(handlers, { tracer });
    const { events } = await commands.execute(
      'open',
      { id: 'trace' },
      { metadata: { traceparent: 'from afar' } },
    );
    expect(parents).toEqual([['command open', { traceparent: 'from afar' }]]);
    expect(events[0]?.metadata).toMatchObject({ traceparent: 'trace of command open' });

    const traced = repository(bankAccount, { eventStore, tracer });
    const handled = await traced.handle('trace', deposit(1), {
      metadata: { traceparent: 'from afar', user: 'u' },
    });
    expect(handled.events[0]?.metadata).toMatchObject({
      traceparent: 'trace of handle bank-account',
      user: 'u',
    });
    expect(parents.at(-1)).toEqual(['handle bank-account', { traceparent: 'from afar' }]);
  });
});
