import { nextDelayMs, type RetryPolicy } from '../../foundation/backoff.ts';
import type { Clock } from '../../foundation/clock.ts';

interface State {
  readonly failures: number;
  readonly untilMs: number;
  /** Somebody finds out whether it is back. */
  isProbed: boolean;
}

/**
 * Which participants failed just now and are left alone for a while, longer each time; after that one call finds out
 * whether it is back. One that is down for an hour is asked a few times a minute, however many transactions wait for
 * it, and costs the others nothing.
 */
export class ParticipantRest {
  readonly #policy: RetryPolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #states = new Map<string, State>();

  /** @param policy its attempts have no end. */
  constructor(policy: RetryPolicy, clock: Clock, random: () => number) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
  }

  /** Whether it may be asked now. Who is told so asks, and says how it went. */
  admits(participant: string): boolean {
    if (this.restMs(participant) > 0) return false;
    const state = this.#states.get(participant);
    if (state !== undefined) state.isProbed = true;
    return true;
  }

  failed(participant: string): void {
    const { failures = 0, untilMs = 0, isProbed } = this.#states.get(participant) ?? {};
    const nowMs = this.#clock.now().getTime();
    // Many calls that were on their way together are one failure.
    if (nowMs < untilMs && isProbed !== true) return;
    const state = { attempt: failures + 1, elapsedMs: 0 };
    const delayMs = nextDelayMs(this.#policy, state, this.#random) ?? this.#policy.maxDelayMs;
    this.#states.set(participant, {
      failures: failures + 1,
      untilMs: nowMs + delayMs,
      isProbed: false,
    });
  }

  answered(participant: string): void {
    this.#states.delete(participant);
  }

  /** It was not asked after all, or nobody waited for the answer. */
  unknown(participant: string): void {
    const state = this.#states.get(participant);
    if (state !== undefined) state.isProbed = false;
  }

  /** Milliseconds until it may be asked again; 0: now. */
  restMs(participant: string): number {
    const state = this.#states.get(participant);
    if (state === undefined) return 0;
    if (state.isProbed) return Math.max(1, this.#policy.initialDelayMs);
    return Math.max(0, state.untilMs - this.#clock.now().getTime());
  }

  resting(): readonly string[] {
    return [...this.#states.keys()].filter((participant) => this.restMs(participant) > 0);
  }
}
