import { noRetry } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine, saga, type SagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { makeProject, type Project } from './project.ts';

let broken = true;

const order = saga<{ readonly n: number }, PostgresTransaction>('order-saga')
  .step('reserve', { execute: () => 'r', compensate: () => {} })
  .step('bill', {
    execute: ({ input }) => {
      if (broken) throw new TypeError('bug');
      return input.n;
    },
    retry: noRetry,
  })
  .build();

const locked = saga<null, PostgresTransaction>('locked-saga', { lock: () => 'till' })
  .sleep('wait', '1d')
  .build();

let database: TestDatabase;
let store: PostgresSagaStore;
let engine: SagaEngine<PostgresTransaction>;
let project: Project;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  store = new PostgresSagaStore({ pool: database.pool });
  engine = createSagaEngine({ store, definitions: [order, locked] });
  await engine.run();
  project = await makeProject();
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await engine.stop();
  await store.close();
  await database.close();
});

async function sagas(...args: string[]): Promise<{ code: unknown; text: string }> {
  await using program = project.run('potter-sagas', args, { DATABASE_URL: database.url });
  const code = await program.ended;
  return { code, text: program.output().trimEnd() };
}

/** Sagas that wait for a person; what they failed at works from now on. */
async function failed(...ids: readonly string[]): Promise<void> {
  broken = true;
  for (const sagaId of ids) await engine.start(order, { n: 1 }, { sagaId });
  for (const sagaId of ids) expect((await engine.settled(sagaId)).status).toBe('failed');
  broken = false;
}

async function reached(sagaId: string, type: string): Promise<void> {
  const stop = new AbortController();
  for await (const { event } of store.follow(sagaId, { after: 0n, signal: stop.signal })) {
    if (event.type === type) return stop.abort();
  }
}

test('a failed saga is found, looked at, edited and taken back to a step; the journal has who and why', async () => {
  const sagaId = 'cli-1';
  await failed(sagaId);
  expect(await sagas('list', '--where', 'status=failed', '--where', 'step=bill')).toMatchObject({
    code: 0,
    text: expect.stringMatching(/^SAGA +DEFINITION[^]*cli-1 +order-saga v1 +failed +bill /),
  });
  expect((await sagas('show', sagaId)).text).toMatch(
    /error +INTERNAL_ERROR: bug[^]*input +\{"n":1\}/,
  );
  expect((await sagas('history', sagaId)).text).toMatch(/bill +step +1 +failed/);
  expect((await sagas('diagram', sagaId)).text).toMatch(
    /^flowchart LR[^]*n1\["reserve"\][^]*class n2 failed/,
  );
  expect(await sagas('edit', sagaId, '{"n":5}', '--merge', '--by', 'ann')).toEqual({
    code: 0,
    text: 'edit: accepted for cli-1',
  });
  await sagas('rewind', sagaId, 'reserve', '--by', 'ann', '--reason', 'wrong n', '--json');
  await reached(sagaId, 'SagaCompleted');
  const shown = JSON.parse((await sagas('show', sagaId, '--json')).text) as unknown;
  expect(shown).toMatchObject({ status: 'completed', results: { reserve: 'r', bill: 5 } });
  const events = (await store.journal(sagaId)).map(({ event }) => event);
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'RewindStarted', by: 'ann', reason: 'wrong n' }),
  );
  expect((await sagas('journal', sagaId)).text).toMatch(
    /^SEQ[^]*\d+ +\S+Z +InputEdited +- +ann +-$[^]*RewindStarted +reserve +ann +wrong n$/m,
  );
  expect(await sagas('journal', 'nobody')).toMatchObject({
    code: 1,
    text: expect.stringContaining('SAGA_NOT_FOUND'),
  });
  expect((await sagas('undo', sagaId)).code).toBe(0);
  await reached(sagaId, 'SagaCompensated');
});

test('many are told at once, one line each; nobody is told without a yes', async () => {
  const ids = ['cli-2', 'cli-3'];
  await failed(...ids);
  const where = ['--where', 'status=failed', '--where', 'definition=order-saga'];
  expect(await sagas('bulk', 'resume', ...where)).toMatchObject({
    code: 2,
    text: expect.stringContaining('say --yes'),
  });
  expect((await engine.get('cli-2')).status).toBe('failed');
  const told = await sagas('bulk', 'skip', 'bill', '--result', '7', ...where, '--yes', '--json');
  expect(told.code).toBe(0);
  expect(told.text.split('\n').map((line) => JSON.parse(line) as unknown)).toEqual(
    ids.map((sagaId) => ({ sagaId, outcome: 'accepted' })),
  );
  await Promise.all(ids.map((id) => reached(id, 'SagaCompleted')));
  const refused = await sagas('bulk', 'pause', '--where', 'status=completed', '--yes');
  expect(refused.code).toBe(1);
  expect(refused.text).toMatch(/cli-2 +refused +SAGA_ALREADY_FINISHED[^]*0 accepted, \d+ refused$/);
});

test('of a saga that waits for its keys it says whose they are and how many come before it', async () => {
  for (const sagaId of ['cli-lock-1', 'cli-lock-2']) await engine.start(locked, null, { sagaId });
  await reached('cli-lock-1', 'LocksTaken');
  expect((await sagas('show', 'cli-lock-1')).text).toMatch(/^lock +holds till$/m);
  expect((await sagas('show', 'cli-lock-2')).text).toMatch(
    /^lock +waits for till \(1 before it; cli-lock-1 has it\)$/m,
  );
  await engine.cancel('cli-lock-1');
  await reached('cli-lock-2', 'LocksTaken');
  await engine.cancel('cli-lock-2');
});

test('a refusal is one line and exit code 1', async () => {
  expect(await sagas('pause', 'nobody')).toEqual({
    code: 1,
    text: "potter-sagas: [SAGA_NOT_FOUND] There is no saga 'nobody'.",
  });
});

test.each([
  [['lst'], /Did you mean 'list'\?/],
  [[], /Say what to do: list, show/],
  [['show'], /show: say the id of a saga/],
  [['rewind', 'x'], /rewind: say the step/],
  [['edit', 'x', '{n:1}'], /is not JSON/],
  [['list', '--where', 'stats=failed'], /Did you mean 'status'\?/],
  [['list', '--where', 'status=faled'], /Did you mean 'failed'\?/],
  [['list', '--where', 'from=yesterday'], /must be a time/],
  [['list', '--limit', 'many'], /whole number/],
  [['bulk', 'resume', '--yes'], /Say which sagas/],
  [['pause', 'x', 'y'], /'y' is too much/],
  [['show', 'x', '--jsn'], /Did you mean '--json'\?/],
])('%j is one line and exit code 2', async (args, expected) => {
  const { code, text } = await sagas(...args);
  expect(code).toBe(2);
  expect(text.split('\n')).toEqual([expect.stringMatching(expected)]);
});
