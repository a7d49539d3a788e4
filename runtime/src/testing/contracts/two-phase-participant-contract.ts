import assert from 'node:assert/strict';
import type { PotterErrorCode } from '../../errors/error-codes.ts';
import { isPotterError } from '../../errors/potter-error.ts';
import { isRejection } from '../../errors/rejection.ts';
import { newId } from '../../foundation/ids.ts';
import type { BranchId } from '../../sagas/two-phase-commit/branch-id.ts';
import type {
  CallOptions,
  TwoPhaseParticipant,
} from '../../sagas/two-phase-commit/two-phase-participant.ts';
import type { ContractRule } from './contract.ts';

/** What the rules are tried on. */
export interface TwoPhaseParticipantSubject<Work> {
  readonly participant: TwoPhaseParticipant<Work>;
  /** The same participant, as another process reaches it. The same object where there is only one process. */
  readonly other: TwoPhaseParticipant<Work>;
  /** Work that is accepted, with one effect that can be told from all others. */
  work(effect: string): Work;
  /** Work that is refused. */
  readonly refused: Work;
  /** How often the effect is there for everybody to see, and final. */
  effects(effect: string): Promise<number>;
}

/** The rules every participant keeps. Rules use ids of their own, so a subject may be shared. */
export function twoPhaseParticipantContract<Work>(
  open: () => TwoPhaseParticipantSubject<Work> | Promise<TwoPhaseParticipantSubject<Work>>,
): readonly ContractRule[] {
  const rule = (
    name: string,
    check: (subject: TwoPhaseParticipantSubject<Work>, id: BranchId) => Promise<void>,
  ): ContractRule => ({
    name,
    run: async () =>
      check(await open(), {
        coordinator: `contract.${newId().slice(-12)}`,
        transactionId: `${newId()}/reserve`,
      }),
  });

  return [
    rule('work that is prepared has no effect before the commit, and one after', async (s, id) => {
      await s.participant.prepare(id, s.work(id.transactionId), patient());
      assert.equal(await s.effects(id.transactionId), 0);
      assert.equal(await s.other.find(id, patient()), 'prepared');
      await s.other.commit(id, patient());
      assert.equal(await s.effects(id.transactionId), 1);
      assert.equal(await s.participant.find(id, patient()), 'committed');
    }),
    rule('calls that come again change nothing, and a commit answers the same', async (s, id) => {
      const work = s.work(id.transactionId);
      await s.participant.prepare(id, work, patient());
      await s.other.prepare(id, work, patient());
      const first = await s.participant.commit(id, patient());
      assert.deepEqual(await s.other.commit(id, patient()), first);
      await s.participant.prepare(id, work, patient());
      assert.deepEqual(await s.participant.commit(id, patient()), first);
      assert.equal(await s.effects(id.transactionId), 1);
    }),
    rule('a refusal is a Rejection and leaves nothing prepared', async (s, id) => {
      await assert.rejects(s.participant.prepare(id, s.refused, patient()), (error) =>
        isRejection(error),
      );
      assert.notEqual(await s.other.find(id, patient()), 'prepared');
      assert.deepEqual(await s.other.prepared(id.coordinator, patient()), []);
      await s.participant.abort(id, patient());
      assert.equal(await s.other.find(id, patient()), 'aborted');
    }),
    rule('an abort takes prepared work back, as often as it comes', async (s, id) => {
      await s.participant.prepare(id, s.work(id.transactionId), patient());
      await s.other.abort(id, patient());
      await s.participant.abort(id, patient());
      assert.equal(await s.participant.find(id, patient()), 'aborted');
      assert.equal(await s.effects(id.transactionId), 0);
    }),
    rule('a prepare that comes after its abort is refused, for good', async (s, id) => {
      assert.equal(await s.participant.find(id, patient()), 'unknown');
      await s.participant.abort(id, patient());
      for (const participant of [s.participant, s.other]) {
        const late = participant.prepare(id, s.work(id.transactionId), patient());
        await failsWith('FENCED', late);
      }
      assert.equal(await s.participant.find(id, patient()), 'aborted');
      assert.deepEqual(await s.participant.prepared(id.coordinator, patient()), []);
      assert.equal(await s.effects(id.transactionId), 0);
    }),
    rule(
      'a commit of what was never prepared, or was aborted, says that it is lost',
      async (s, id) => {
        await failsWith('TWO_PHASE_BRANCH_LOST', s.participant.commit(id, patient()));
        await s.participant.prepare(id, s.work(id.transactionId), patient());
        await s.participant.abort(id, patient());
        await failsWith('TWO_PHASE_BRANCH_LOST', s.other.commit(id, patient()));
        assert.equal(await s.effects(id.transactionId), 0);
      },
    ),
    rule('an abort of what is committed is refused and changes nothing', async (s, id) => {
      await s.participant.prepare(id, s.work(id.transactionId), patient());
      await s.participant.commit(id, patient());
      await failsWith('TWO_PHASE_ALREADY_DECIDED', s.other.abort(id, patient()));
      assert.equal(await s.participant.find(id, patient()), 'committed');
      assert.equal(await s.effects(id.transactionId), 1);
    }),
    rule('it lists what it holds prepared for one coordinator, and nothing else', async (s, id) => {
      const others = { coordinator: `${id.coordinator}x`, transactionId: id.transactionId };
      const second = { ...id, transactionId: `${newId()}/second` };
      await s.participant.prepare(id, s.work(id.transactionId), patient());
      await s.participant.prepare(second, s.work(second.transactionId), patient());
      await s.participant.prepare(others, s.work(`${id.transactionId}x`), patient());
      const held = await s.other.prepared(id.coordinator, patient());
      assert.deepEqual(
        held.map(({ transactionId }) => transactionId).sort(),
        [id.transactionId, second.transactionId].sort(),
      );
      assert.ok(held.every(({ ageMs }) => ageMs >= 0 && ageMs < 60_000));
      await s.participant.commit(id, patient());
      await s.participant.abort(second, patient());
      assert.deepEqual(await s.other.prepared(id.coordinator, patient()), []);
      await s.participant.abort(others, patient());
    }),
    rule('ten prepares at once, from two processes, do the work once', async (s, id) => {
      const work = s.work(id.transactionId);
      await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          (i % 2 === 0 ? s.participant : s.other).prepare(id, work, patient()),
        ),
      );
      await s.participant.commit(id, patient());
      assert.equal(await s.effects(id.transactionId), 1);
    }),
    rule('commits at once have one effect and, repeated, one answer', async (s, id) => {
      await s.participant.prepare(id, s.work(id.transactionId), patient());
      await Promise.allSettled(
        Array.from({ length: 6 }, (_, i) =>
          (i % 2 === 0 ? s.participant : s.other).commit(id, patient()),
        ),
      );
      const answers = [
        await s.participant.commit(id, patient()),
        await s.other.commit(id, patient()),
      ];
      assert.deepEqual(answers[0], answers[1]);
      assert.equal(await s.effects(id.transactionId), 1);
    }),
    rule(
      'a prepare and an abort at once leave nothing prepared, however they meet',
      async (s, id) => {
        for (let n = 0; n < 12; n += 1) {
          const one = { ...id, transactionId: `${id.transactionId}-${n}` };
          const prepare = s.participant.prepare(one, s.work(one.transactionId), patient());
          // eslint-disable-next-line no-await-in-loop -- each meeting is one of its own
          const [prepared] = await Promise.allSettled([prepare, s.other.abort(one, patient())]);
          if (prepared.status === 'rejected') {
            assert.ok(isPotterError(prepared.reason, 'FENCED'), String(prepared.reason));
          }
          assert.equal(await s.participant.find(one, patient()), 'aborted');
          assert.equal(await s.effects(one.transactionId), 0);
        }
        assert.deepEqual(await s.participant.prepared(id.coordinator, patient()), []);
      },
    ),
    rule('a call whose caller has gone already does nothing', async (s, id) => {
      const gone = { signal: AbortSignal.abort() };
      await assert.rejects(s.participant.prepare(id, s.work(id.transactionId), gone));
      assert.equal(await s.participant.find(id, patient()), 'unknown');
    }),
    rule('a name that is no identifier is refused before anything is done', async (s, id) => {
      for (const transactionId of ['', 'a b', "it's", 'x'.repeat(91), 'ü', '\\']) {
        const odd = s.participant.prepare({ ...id, transactionId }, s.work('odd'), patient());
        await assert.rejects(odd);
      }
      assert.equal(await s.effects('odd'), 0);
    }),
  ];
}

function patient(): CallOptions {
  return { signal: new AbortController().signal };
}

async function failsWith(code: PotterErrorCode, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => isPotterError(error, code));
}
