import assert from 'node:assert/strict';
import { newId } from '../../foundation/ids.ts';
import type {
  BeginRequest,
  DecideRequest,
  TwoPhaseLog,
} from '../../sagas/two-phase-commit/two-phase-log.ts';
import type { AbortReason } from '../../sagas/two-phase-commit/two-phase-transaction.ts';
import type { ContractRule } from './contract.ts';

/** What the rules are tried on. */
export interface TwoPhaseLogSubject {
  /** A log with nothing in it. */
  readonly log: TwoPhaseLog;
  /** The same log, as another process has it. The same object where there is only one process. */
  readonly other: TwoPhaseLog;
}

const REASON: AbortReason = {
  because: 'refused',
  code: 'OUT_OF_STOCK',
  message: 'None left.',
  participant: 'west',
};
/** No rule takes as long. */
const LATER_MS = 3_600_000;

/** The rules every log keeps. */
export function twoPhaseLogContract(
  open: () => TwoPhaseLogSubject | Promise<TwoPhaseLogSubject>,
): readonly ContractRule[] {
  const rule = (
    name: string,
    check: (subject: TwoPhaseLogSubject, id: string) => Promise<void>,
  ): ContractRule => ({ name, run: async () => check(await open(), newId()) });

  return [
    rule('has one identity, whoever asks', async ({ log, other }) => {
      const identity = await log.identity();
      assert.match(identity, /^[A-Za-z0-9_.-]{1,53}$/);
      assert.equal(await other.identity(), identity);
    }),
    rule('keeps what was begun, values of all kinds included', async ({ log, other }, id) => {
      const work = {
        at: new Date('2026-01-02T03:04:05.678Z'),
        units: 12_345_678_901_234n,
        lines: [1],
      };
      const request = begin(id, { branches: [{ participant: 'east', work }] });
      await log.begin(request);
      const record = await other.get(id);
      assert.deepEqual(record?.branches[0]?.work, work);
      assert.equal(record?.fingerprint, request.fingerprint);
      assert.equal(record?.decision, null);
      assert.equal(record?.settledAt, null);
      assert.ok(record !== undefined && record.ageMs >= 0);
      assert.equal(await other.get(newId()), undefined);
    }),
    rule('begins once: a second begin is given the first one', async ({ log, other }, id) => {
      await log.begin(begin(id));
      const again = await other.begin(begin(id, { fingerprint: 'f-2', branches: [] }));
      assert.equal(again.fingerprint, 'f-1');
      assert.deepEqual(again.branches.map(({ participant }) => participant).sort(), [
        'east',
        'west',
      ]);
    }),
    rule('lets the first of many decisions at once hold, and tells it to all', async (s, id) => {
      await s.log.begin(begin(id));
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 === 0 ? s.log : s.other).decide(decide(id, i % 3 === 0 ? 'abort' : 'commit')),
        ),
      );
      const decisions = new Set(answers.map((record) => record?.decision));
      assert.equal(decisions.size, 1);
      assert.equal((await s.other.get(id))?.decision, [...decisions][0]);
    }),
    rule('writes votes and reason with the decision that holds, and no others', async (s, id) => {
      await s.log.begin(begin(id));
      const votes = { east: 'prepared', west: 'refused' } as const;
      await s.log.decide({ ...decide(id, 'abort'), votes });
      await s.other.decide({
        ...decide(id, 'commit'),
        votes: { east: 'prepared', west: 'prepared' },
      });
      const record = await s.other.get(id);
      assert.deepEqual(record?.reason, REASON);
      assert.deepEqual(
        record?.branches.map(({ participant, vote }) => `${participant} ${vote}`).sort(),
        ['east prepared', 'west refused'],
      );
      assert.notEqual(record?.decidedAt, null);
    }),
    rule(
      'decides nothing that is unknown, unless it is asked to remember an abort',
      async (s, id) => {
        assert.equal(await s.log.decide(decide(id, 'abort')), undefined);
        const aborted = await s.log.decide({ ...decide(id, 'abort'), evenUnknown: true });
        assert.equal(aborted?.decision, 'abort');
        assert.notEqual(aborted?.settledAt, null);
        const begun = await s.other.begin(begin(id));
        assert.equal(begun.decision, 'abort');
        assert.deepEqual(begun.branches, []);
      },
    ),
    rule('a begin and an abort of the unknown at once agree', async ({ log, other }) => {
      for (let n = 0; n < 10; n += 1) {
        const id = newId();
        await Promise.all([
          log.begin(begin(id)),
          other.decide({ ...decide(id, 'abort'), evenUnknown: true }),
        ]);
        const record = await log.get(id);
        assert.equal(record?.decision, 'abort');
        assert.equal(record?.branches.length === 0, record?.fingerprint === null);
      }
    }),
    rule(
      'is over when the last participant acknowledged, and keeps what it answered',
      async (s, id) => {
        await s.log.begin(begin(id));
        await s.log.decide(decide(id, 'commit'));
        const problem = { code: 'TIMEOUT', message: 'Slow.' };
        const half = await s.log.settle({
          transactionId: id,
          settled: [{ participant: 'east', outcome: 'committed', result: { shelf: 3 } }],
          failed: [{ participant: 'west', problem }],
          dueInMs: LATER_MS,
        });
        assert.equal(half?.settledAt, null);
        const west = half?.branches.find(({ participant }) => participant === 'west');
        assert.deepEqual([west?.failures, west?.problem, west?.outcome], [1, problem, null]);
        const over = await s.other.settle({
          transactionId: id,
          settled: [
            { participant: 'east', outcome: 'aborted', result: null },
            { participant: 'west', outcome: 'committed', result: null },
          ],
          failed: [],
          dueInMs: LATER_MS,
        });
        assert.notEqual(over?.settledAt, null);
        const east = over?.branches.find(({ participant }) => participant === 'east');
        assert.deepEqual([east?.outcome, east?.result], ['committed', { shelf: 3 }]);
      },
    ),
    rule(
      'closes what two processes acknowledged at the same moment, at the next look',
      async (s, id) => {
        await s.log.begin(begin(id));
        await s.log.decide(decide(id, 'commit'));
        const settle = (log: TwoPhaseLog, participants: readonly string[]) =>
          log.settle({
            transactionId: id,
            settled: participants.map((participant) => ({
              participant,
              outcome: 'committed' as const,
              result: null,
            })),
            failed: [],
            dueInMs: 0,
          });
        await Promise.all([settle(s.log, ['east']), settle(s.other, ['west'])]);
        assert.notEqual((await settle(s.log, []))?.settledAt, null);
      },
    ),
    rule(
      'hands out what is due, each to one, and not again before the lease is over',
      async (s) => {
        const ids = Array.from({ length: 20 }, () => newId());
        for (const id of ids) await s.log.begin(begin(id, { dueInMs: 0 }));
        await s.log.begin(begin(newId(), { dueInMs: LATER_MS }));
        const taken = (
          await Promise.all(
            [s.log, s.other, s.log, s.other].map((log) =>
              log.due({ limit: 8, leaseMs: LATER_MS, resting: [] }),
            ),
          )
        ).flat();
        const rest = await s.other.due({ limit: 100, leaseMs: LATER_MS, resting: [] });
        const all = [...taken, ...rest].map(({ transactionId }) => transactionId);
        assert.deepEqual(all.sort(), ids.sort());
        assert.deepEqual(await s.log.due({ limit: 100, leaseMs: LATER_MS, resting: [] }), []);
      },
    ),
    rule('counts as active what is begun again, and as due what is decided', async (s, id) => {
      await s.log.begin(begin(id, { dueInMs: 0 }));
      await s.log.begin(begin(id, { dueInMs: LATER_MS }));
      assert.deepEqual(await s.log.due({ limit: 9, leaseMs: 0, resting: [] }), []);
      await s.log.decide({ ...decide(id, 'commit'), dueInMs: 0 });
      // A decided one is not taken from the sweep by whoever asks for it again.
      await s.log.begin(begin(id, { dueInMs: LATER_MS }));
      const [due] = await s.other.due({ limit: 9, leaseMs: 0, resting: [] });
      assert.equal(due?.decision, 'commit');
    }),
    rule('leaves what waits only for participants that rest', async (s) => {
      const [both, west] = [newId(), newId()];
      for (const id of [both, west]) {
        await s.log.begin(begin(id));
        await s.log.decide({ ...decide(id, 'commit'), dueInMs: 0 });
      }
      await s.log.settle({
        transactionId: west,
        settled: [{ participant: 'east', outcome: 'committed', result: null }],
        failed: [],
        dueInMs: 0,
      });
      const due = await s.log.due({ limit: 9, leaseMs: 0, resting: ['west'] });
      assert.deepEqual(
        due.map(({ transactionId }) => transactionId),
        [both],
      );
    }),
    rule(
      'lists by state, newest first, page by page, and counts what is in doubt',
      async ({ log }) => {
        const [first, second, third] = [newId(), newId(), newId()];
        for (const id of [first, second, third]) await log.begin(begin(id));
        await log.decide(decide(second, 'abort'));
        const settled = ['east', 'west'].map((participant) => ({
          participant,
          outcome: 'aborted' as const,
          result: null,
        }));
        await log.settle({ transactionId: second, settled, failed: [], dueInMs: 0 });
        const ids = async (request: Parameters<TwoPhaseLog['list']>[0]) =>
          (await log.list(request)).map(({ transactionId }) => transactionId);
        assert.deepEqual(await ids({}), [third, second, first]);
        assert.deepEqual(await ids({ state: 'in-doubt' }), [third, first]);
        assert.deepEqual(await ids({ state: 'aborted' }), [second]);
        assert.deepEqual(await ids({ state: 'committed' }), []);
        assert.deepEqual(await ids({ limit: 1 }), [third]);
        assert.deepEqual(await ids({ limit: 1, after: third }), [second]);
        const { count, oldestMs } = await log.inDoubt();
        assert.equal(count, 2);
        assert.ok(oldestMs >= 0);
      },
    ),
    rule(
      'resolves by hand with a trace of who and why, and makes it due at once',
      async (s, id) => {
        await s.log.begin(begin(id));
        const by = { transactionId: id, by: 'ada', reason: 'West burnt down.', writeOff: ['west'] };
        const resolved = await s.log.resolve({ ...by, decision: 'abort' });
        assert.equal(resolved?.decision, 'abort');
        assert.equal(resolved?.reason?.because, 'asked');
        const west = resolved?.branches.find(({ participant }) => participant === 'west');
        assert.equal(west?.outcome, 'written-off');
        const due = await s.other.due({ limit: 9, leaseMs: 0, resting: [] });
        assert.deepEqual(
          due.map(({ transactionId }) => transactionId),
          [id],
        );
        const [entry] = await s.other.audit(id);
        assert.deepEqual(
          [entry?.by, entry?.reason, entry?.decision, entry?.writtenOff],
          ['ada', 'West burnt down.', 'abort', ['west']],
        );
        assert.ok(entry?.at instanceof Date);
      },
    ),
    rule('writes nothing of a resolution that contradicts', async (s, id) => {
      await s.log.begin(begin(id));
      await s.log.decide(decide(id, 'commit'));
      const request = { transactionId: id, by: 'ada', reason: 'No.', writeOff: ['west'] };
      const kept = await s.other.resolve({ ...request, decision: 'abort' });
      assert.equal(kept?.decision, 'commit');
      assert.ok(kept?.branches.every(({ outcome }) => outcome === null));
      assert.deepEqual(await s.log.audit(id), []);
      assert.equal(
        await s.log.resolve({ ...request, transactionId: newId(), decision: 'abort' }),
        undefined,
      );
    }),
  ];
}

function begin(transactionId: string, overrides: Partial<BeginRequest> = {}): BeginRequest {
  return {
    transactionId,
    fingerprint: 'f-1',
    branches: ['west', 'east'].map((participant) => ({ participant, work: { quantity: 2 } })),
    dueInMs: LATER_MS,
    ...overrides,
  };
}

function decide(transactionId: string, decision: 'commit' | 'abort'): DecideRequest {
  const reason = decision === 'abort' ? REASON : null;
  return { transactionId, decision, reason, votes: {}, dueInMs: LATER_MS };
}
