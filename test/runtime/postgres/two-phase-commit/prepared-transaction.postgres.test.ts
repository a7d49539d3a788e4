import { newId } from 'potter-runtime/foundation';
import { type PostgresPool, preparedTransactionParticipant } from 'potter-runtime/postgres';
import { TwoPhaseCoordinator, type TwoPhaseParticipant } from 'potter-runtime/sagas';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { deferred } from '../../../support/deferred.ts';
import { freshLog, participantDatabase } from './two-phase-databases.ts';
import { imbalance, prepared, type TakeWork } from './two-phase-shelves.ts';

let home: TestDatabase;
let east: TestDatabase;
let west: TestDatabase;

beforeAll(async () => {
  [home, east, west] = await Promise.all([
    createTestDatabase({ components: ['two-phase-commit'] }),
    participantDatabase(),
    participantDatabase(),
  ]);
});

afterAll(() => Promise.all([home.close(), east.close(), west.close()]));

const call = { signal: new AbortController().signal };
const newBranch = () => ({ coordinator: 'test.000000000000', transactionId: newId() });
const COUNT_PREPARED = {
  text: 'SELECT count(*)::int AS n FROM pg_prepared_xacts WHERE database = current_database()',
};

function participant(
  work: (tx: { query: PostgresPool['query'] }) => Promise<unknown>,
  prepareTimeout = 10_000,
): TwoPhaseParticipant<null> {
  return preparedTransactionParticipant<null, unknown>({
    name: 'east',
    pool: east.pool,
    work,
    prepareTimeout,
  });
}

describe('a prepare', () => {
  test('whose connection breaks leaves nothing, and the same call again does it', async () => {
    const branch = newBranch();
    let isFirst = true;
    const one = participant(async (tx) => {
      if (isFirst) await tx.query({ text: 'SELECT pg_terminate_backend(pg_backend_pid())' });
    });
    const broken = one.prepare(branch, null, call);
    await expect(broken).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await one.find(branch, call)).toBe('unknown');
    isFirst = false;
    await one.prepare(branch, null, call);
    await one.commit(branch, call);
    expect(await one.find(branch, call)).toBe('committed');
  });

  test('of a process that stalls is ended by the server, and keeps nobody from aborting', async () => {
    const branch = newBranch();
    const stalled = deferred();
    const begun = deferred();
    const one = participant(() => {
      begun.resolve();
      return stalled.promise;
    }, 300);
    // Heard at once: on a busy machine it is refused before anybody else looks at it.
    const late = one.prepare(branch, null, call).catch((error: unknown) => error);
    await Promise.race([begun.promise, late]);
    await participant(async () => null).abort(branch, call);
    stalled.resolve();
    expect(await late).toMatchObject({ name: 'PotterError' });
    expect(await one.find(branch, call)).toBe('aborted');
    expect((await east.pool.query(COUNT_PREPARED)).rows).toEqual([{ n: 0 }]);
  });

  test.each([
    ['NOTIFY', `NOTIFY somewhere`],
    ['a temporary table', `CREATE TEMPORARY TABLE scratch (n int)`],
  ])('of work with %s is refused by the server, and leaves nothing', async (_what, text) => {
    const branch = newBranch();
    const one = participant((tx) => tx.query({ text }).then(() => null));
    await expect(one.prepare(branch, null, call)).rejects.toMatchObject({
      code: 'DATABASE_ERROR',
      details: { sqlState: '0A000' },
    });
    expect(await one.find(branch, call)).toBe('unknown');
  });

  test('of work that swallowed the error of a statement is no vote', async () => {
    const branch = newBranch();
    const one = participant((tx) =>
      tx.query({ text: 'SELECT 1/0' }).then(
        () => null,
        () => null,
      ),
    );
    await expect(one.prepare(branch, null, call)).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
    expect(await one.find(branch, call)).toBe('unknown');
  });

  test('on a server without prepared transactions says so, and what to do', async () => {
    const refusal = Object.assign(new Error('prepared transactions are disabled'), {
      code: '55000',
      severity: 'ERROR',
    });
    const refusing: PostgresPool = {
      query: async () => ({ rows: [{ most: '0' }] as never[], rowCount: 1 }),
      connect: () => Promise.reject(refusal),
    };
    const one = preparedTransactionParticipant<null, null>({
      name: 'old',
      pool: refusing,
      work: async () => null,
    });
    await expect(one.prepare(newBranch(), null, call)).rejects.toMatchObject({
      code: 'PREPARED_TRANSACTIONS_DISABLED',
      remedy: expect.stringContaining('max_prepared_transactions=100') as unknown,
    });
  });
});

const coordinator = (): TwoPhaseCoordinator =>
  new TwoPhaseCoordinator({
    log: freshLog(home),
    participants: [prepared('east', east), prepared('west', west)],
    settleRetry: {
      maxAttempts: 1,
      initialDelayMs: 50,
      factor: 1,
      maxDelayMs: 50,
      jitter: 'none',
    },
  });
const branches = (effect: string, ...names: readonly string[]) =>
  names.map((name) => ({ participant: name, work: { effect, quantity: 1 } satisfies TakeWork }));

describe('over two databases', () => {
  test('transactions for the same rows queue: none stands still, none fails', async () => {
    const effect = newId();
    await using one = coordinator();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        one.execute(
          newId(),
          branches(effect, ...(at % 2 === 0 ? ['east', 'west'] : ['west', 'east'])),
        ),
      ),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => 'committed'));
    expect([await imbalance(east), await imbalance(west)]).toEqual([undefined, undefined]);
  });

  test('what was rolled back by hand at a participant is said, stays in doubt, and can be written off', async () => {
    const id = newId();
    const log = freshLog(home);
    const identity = await log.identity();
    const caller = new AbortController();
    let told = 0;
    const lost: TwoPhaseParticipant<TakeWork> = {
      ...spread(prepared('west', west)),
      commit: async (branch, options) => {
        // Told again, it has a problem that was written down; its caller waits no longer.
        if ((told += 1) > 1) caller.abort();
        await west.pool.query(`ROLLBACK PREPARED 'potter:${identity}:west:${id}'`).catch(() => {});
        return prepared('west', west).commit(branch, options);
      },
    };
    await using one = new TwoPhaseCoordinator({
      log,
      participants: [prepared('east', east), lost],
    });
    const { signal } = caller;
    const waiting = one.execute(id, branches(id, 'east', 'west'), { signal });
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    const [doubtful] = await one.listInDoubt();
    const west_ = doubtful?.branches.find((each) => each.participant === 'west');
    expect(west_).toMatchObject({ outcome: null, problem: { code: 'TWO_PHASE_BRANCH_LOST' } });
    const why = { by: 'ada', reason: 'Corrected by hand.', writeOff: ['west'] };
    await one.resolve(id, 'commit', why);
    await one.sweep();
    expect(await one.listInDoubt()).toEqual([]);
    expect(await one.audit(id)).toMatchObject([
      { by: 'ada', decision: 'commit', writtenOff: ['west'] },
    ]);
  });
});

/** The methods of a participant, bound. */
function spread<Work>(one: TwoPhaseParticipant<Work>): TwoPhaseParticipant<Work> {
  return {
    name: one.name,
    prepare: (...args) => one.prepare(...args),
    commit: (...args) => one.commit(...args),
    abort: (...args) => one.abort(...args),
    find: (...args) => one.find(...args),
    prepared: (...args) => one.prepared(...args),
  };
}
