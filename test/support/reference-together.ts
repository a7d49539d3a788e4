import {
  TwoPhaseCoordinator,
  type TwoPhaseExecutor,
} from '../../runtime/src/sagas/two-phase-commit/coordinator.ts';
import { InMemoryTwoPhaseLog } from '../../runtime/src/sagas/two-phase-commit/in-memory-two-phase-log.ts';
import type { TwoPhaseLog } from '../../runtime/src/sagas/two-phase-commit/two-phase-log.ts';
import type { TwoPhaseParticipant } from '../../runtime/src/sagas/two-phase-commit/two-phase-participant.ts';
import { FakeTwoPhaseParticipant } from '../../runtime/src/testing/fake-two-phase-participant.ts';

/** What outlives every simulated process of every run: transactions are told apart by the ids of their sagas. */
const inMemory = new InMemoryTwoPhaseLog();
const [east, west] = [new FakeTwoPhaseParticipant('east'), new FakeTwoPhaseParticipant('west')];

/** Who takes part in the step of several participants. */
export const TOGETHER = ['east', 'west'] as const;

/**
 * A process's coordinator over participants in memory, of which the first has its effect, under the key of the step, when it
 * commits.
 */
export function togetherInMemory(
  apply: (key: string) => Promise<unknown>,
  log: TwoPhaseLog = inMemory,
): TwoPhaseExecutor {
  const noting: TwoPhaseParticipant = {
    name: east.name,
    prepare: (branch, work, options) => east.prepare(branch, work, options),
    commit: async (branch, options) => {
      const answer = await east.commit(branch, options);
      await apply(`${branch.transactionId.replace(':', '/')}/do`);
      return answer;
    },
    abort: (branch, options) => east.abort(branch, options),
    find: (branch, options) => east.find(branch, options),
    prepared: (coordinator, options) => east.prepared(coordinator, options),
  };
  return new TwoPhaseCoordinator({ log, participants: [noting, west] });
}

/** What is wrong between the participants of a saga that is over. */
export async function halfTogether(
  sagaId: string,
  log: TwoPhaseLog = inMemory,
): Promise<readonly string[]> {
  const branch = { coordinator: await log.identity(), transactionId: `${sagaId}:together` };
  const call = { signal: new AbortController().signal };
  const states = [await east.find(branch, call), await west.find(branch, call)];
  const isWhole = states[0] === states[1] && states[0] !== 'prepared';
  return isWhole ? [] : [`the participants are ${states.join(' and ')}`];
}
