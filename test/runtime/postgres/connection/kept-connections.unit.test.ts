import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type {
  PostgresConnection,
  PostgresPool,
} from '../../../../runtime/src/postgres/connection/client.ts';
import { KeptConnections } from '../../../../runtime/src/postgres/connection/kept-connections.ts';

type Query = (statement: { readonly text: string }) => Promise<unknown>;

class FakeConnection extends EventEmitter {
  readonly release = vi.fn<(destroy?: Error | boolean) => void>();
  readonly query = vi.fn<Query>(async () => ({ rows: [], rowCount: 0 }));
}

function setUp(): { readonly kept: KeptConnections; readonly taken: readonly FakeConnection[] } {
  const taken: FakeConnection[] = [];
  const connect = async (): Promise<PostgresConnection> => {
    const connection = new FakeConnection();
    taken.push(connection);
    return connection as unknown as PostgresConnection;
  };
  const pool: PostgresPool = { connect, query: () => Promise.reject(new Error('not asked')) };
  return { kept: new KeptConnections(pool), taken };
}

/** As the driver makes it of what the server says. */
function refusal(message: string, code: string): Error {
  return Object.assign(new Error(message), { code, severity: 'ERROR' });
}

/** More turns than a connection is kept for. */
async function someTurns(): Promise<void> {
  for (let turns = 0; turns < 4; turns += 1) await turn();
}

test('statements that follow each other within a turn have one connection, which then goes back whole', async () => {
  const { kept, taken } = setUp();
  for (let n = 0; n < 5; n += 1) {
    await kept.query({ text: `select ${n}` });
    await turn();
  }
  await someTurns();
  expect(taken.map(({ query }) => query.mock.calls.length)).toEqual([5]);
  expect(taken[0]?.release.mock.calls).toEqual([[undefined]]);
  expect(taken[0]?.listenerCount('error')).toBe(0);
  await kept.query({ text: 'select 6' });
  expect(taken).toHaveLength(2);
});

test('statements at the same time have a connection each', async () => {
  const { kept, taken } = setUp();
  await Promise.all([kept.query({ text: 'select 1' }), kept.query({ text: 'select 2' })]);
  await someTurns();
  expect(taken.map(({ release }) => release.mock.calls)).toEqual([[[undefined]], [[undefined]]]);
});

test('a statement that the server refuses leaves its connection to the next', async () => {
  const { kept, taken } = setUp();
  await kept.query({ text: 'select 1' });
  taken[0]?.query.mockRejectedValueOnce(refusal('locked', '55P03'));
  await expect(kept.query({ text: 'select 2' })).rejects.toThrow('locked');
  await kept.query({ text: 'select 3' });
  expect(taken).toHaveLength(1);
});

test.for([
  ['it was lost', refusal('terminated', '57P01')],
  ['nobody knows what became of the statement', new Error('Query read timeout')],
] as const)('a connection is closed when %s', async ([, error]) => {
  const { kept, taken } = setUp();
  await kept.query({ text: 'select 1' });
  taken[0]?.query.mockRejectedValueOnce(error);
  await expect(kept.query({ text: 'select 2' })).rejects.toBe(error);
  expect(taken[0]?.release.mock.calls).toEqual([[error]]);
  await kept.query({ text: 'select 3' });
  expect(taken).toHaveLength(2);
});

test('a connection that dies while it is kept is closed at once, and nobody gets it', async () => {
  const { kept, taken } = setUp();
  await kept.query({ text: 'select 1' });
  const error = new Error('Connection terminated unexpectedly');
  taken[0]?.emit('error', error);
  expect(taken[0]?.release.mock.calls).toEqual([[error]]);
  await kept.query({ text: 'select 2' });
  await someTurns();
  expect(taken.map(({ release }) => release.mock.calls.length)).toEqual([1, 1]);
});
