import { nextDelayMs } from '../../foundation/backoff.ts';
import type { Failure } from '../failure.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { Direction } from '../saga-event.ts';
import { type SagaState, stepAt } from './saga-state.ts';

/**
 * When a failed attempt is to be followed by another; null when it is not. Counted since the saga was last resumed, and
 * without attempts whose process died: a crash does not use up retries.
 */
export function retryAt(
  definition: SagaDefinition,
  state: SagaState,
  failed: { readonly path: string; readonly direction: Direction; readonly failure: Failure },
  moment: { readonly now: Date; readonly random: () => number },
): Date | null {
  const { path, direction, failure } = failed;
  const attempts = stepAt(state, path)?.[direction];
  const policy = definition.attempted.get(path)?.policy[direction];
  if (!attempts || !policy || failure.kind === 'rejected') return null;
  const nowMs = moment.now.getTime();
  const elapsedMs = nowMs - attempts.since.getTime();
  const plannedMs = nextDelayMs(
    policy.retry,
    {
      attempt: attempts.attempt - attempts.budgetFrom - attempts.interruptions,
      elapsedMs,
      ...(attempts.delayMs !== undefined && { previousDelayMs: attempts.delayMs }),
    },
    moment.random,
  );
  if (plannedMs === undefined) return null;
  const delayMs = Math.max(plannedMs, failure.retryAfterMs ?? 0);
  const limitMs = Math.min(
    policy.retry.maxElapsedMs ?? Infinity,
    // An attempt that would start when its time is up is no attempt.
    policy.totalTimeoutMs === null ? Infinity : policy.totalTimeoutMs - 1,
  );
  return elapsedMs + delayMs > limitMs ? null : new Date(nowMs + delayMs);
}
