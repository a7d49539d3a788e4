import { Rejection } from '../../errors/rejection.ts';
import { PotterError } from '../../errors/potter-error.ts';
import type { ExecuteContext } from '../definition/step-context.ts';
import type { TwoPhaseExecutor } from '../two-phase-commit/coordinator.ts';
import { transactionIdOf } from '../two-phase-commit/branch-id.ts';
import type { Branch } from '../two-phase-commit/two-phase-participant.ts';
import type { AbortReason } from '../two-phase-commit/two-phase-transaction.ts';
import { type AttemptedNodeBase, attemptedNodeWalk } from './attempted-node.ts';
import type { AttemptedNodeHandler, Invocation } from './node-handler.ts';

/** What a two-phase commit step results in. */
export interface TwoPhaseResult {
  /** Where the coordinator's log has it. */
  readonly transactionId: string;
  /** What each participant answered to the commit, by its name. */
  readonly results: Readonly<Record<string, unknown>>;
}

/** A step that is done by several participants, or by none. Its undo settles what is in doubt, before anything else. */
export interface TwoPhaseNode extends AttemptedNodeBase {
  readonly kind: 'two-phase-commit';
  readonly execute: (invocation: Invocation) => unknown;
  readonly compensate: (invocation: Invocation) => unknown;
}

/** What the author of a step gives. */
export interface TwoPhaseWork {
  readonly coordinator: TwoPhaseExecutor;
  readonly branches: (context: ExecuteContext<unknown, unknown>) => readonly Branch[];
  readonly compensate:
    | ((invocation: Invocation & { readonly result: TwoPhaseResult }) => unknown)
    | undefined;
}

/**
 * The doing and undoing of a step by a coordinator. The id of the transaction is made of the key of the step, so every
 * process goes on with the same one. A refusal is final. A transaction that was aborted because a participant could not
 * be reached, or nobody was heard of, is over too, and the next attempt begins a new one: `…`, `…~0~2`, `…~0~3`.
 */
export function twoPhaseWork(work: TwoPhaseWork): Pick<TwoPhaseNode, 'execute' | 'compensate'> {
  const { coordinator, branches, compensate } = work;
  return {
    execute: async (invocation) => {
      const { attempt, signal } = invocation;
      const propose = (): readonly Branch[] =>
        branches(invocation as ExecuteContext<unknown, unknown>);
      for (let number = 1; ; number += 1) {
        const id = idOf(invocation, number);
        const outcome = await coordinator.execute(id, propose, { signal });
        if (outcome.outcome === 'committed') return resultOf(outcome);
        if (!mayBeginAgain(outcome.reason)) throw refusal(id, outcome.reason);
        // No more transactions than attempts: how long to wait before the next is the retry policy's to say.
        if (number >= attempt) throw failure(id, outcome.reason);
      }
    },
    compensate: async (invocation) => {
      const { signal } = invocation;
      for (let number = 1; ; number += 1) {
        const id = idOf(invocation, number);
        const outcome = await coordinator.abort(id, { signal, reason: 'Its saga is undone.' });
        if (outcome.outcome === 'committed') {
          const result = resultOf(outcome);
          return compensate?.({ ...invocation, signal, outcome: 'done', result } as Parameters<
            typeof compensate
          >[0]);
        }
        // This abort, or a refusal, kept the next from being begun.
        if (!mayBeginAgain(outcome.reason)) return undefined;
      }
    },
  };
}

/** All of it is done by calls; the crash-safety between them is the coordinator's. */
export const twoPhaseHandler: AttemptedNodeHandler<TwoPhaseNode> = {
  ...attemptedNodeWalk,
  transactional: false,
  attempt: (node, invocation) =>
    invocation.direction === 'forward' ? node.execute(invocation) : node.compensate(invocation),
};

/** `<saga>:<step>`: no slash, so that it is one part of an address as it is, and no other step's, for no step has a colon. */
function idOf({ key, generation }: Invocation, number: number): string {
  const [sagaId = '', step = ''] = key.split('/');
  const again = number === 1 ? '' : `${generation === 0 ? '~0' : ''}~${number}`;
  return transactionIdOf(`${sagaId}:${step}${again}`);
}

function resultOf({ transactionId, results }: TwoPhaseResult): TwoPhaseResult {
  return { transactionId, results };
}

function mayBeginAgain({ because }: AbortReason): boolean {
  return because === 'failed' || because === 'presumed';
}

function refusal(transactionId: string, reason: AbortReason): Rejection {
  const { code, message, participant } = reason;
  return new Rejection(code, message, { details: { transactionId, participant } });
}

function failure(transactionId: string, reason: AbortReason): PotterError {
  const { participant } = reason;
  return new PotterError('TWO_PHASE_PARTICIPANT_FAILED', {
    message: `The transaction '${transactionId}' was aborted: ${reason.message} (${reason.code})`,
    details: { transactionId, participant, reason },
  });
}
