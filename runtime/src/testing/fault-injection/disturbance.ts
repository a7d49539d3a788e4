import { setImmediate } from 'node:timers';
import { PotterError } from '../../errors/potter-error.ts';
import type { StepCall, StepInterceptor } from './around-steps.ts';

/**
 * What can become of one call of a participant:
 * - `twice`: it arrives twice at the same time, as from a network that delivers at least once,
 * - `lost`: it has its effect, and its answer never arrives,
 * - `late`: it has its effect, and its answer comes when nobody waits for it any more,
 * - `overtaken`: it arrives after everything else, when the attempt was given up and repeated, or its step undone, long ago.
 */
export type Disturbance = 'twice' | 'lost' | 'late' | 'overtaken';

/** Whatever can become of a call; of one that is part of a transaction only what its commit can do nothing about. */
export function disturbancesOf({ isTransactional }: StepCall): readonly Disturbance[] {
  return isTransactional ? ['lost', 'late'] : ['twice', 'lost', 'late', 'overtaken'];
}

/** Lets something become of the first call with a key, and of no other. */
export class Disturber {
  readonly #key: string;
  readonly #disturbance: Disturbance;
  #disturbed: Promise<unknown> | undefined;
  #over: () => void = () => {};
  readonly #whenOver = new Promise<void>((resolve) => (this.#over = resolve));

  constructor(key: string, disturbance: Disturbance) {
    this.#key = key;
    this.#disturbance = disturbance;
  }

  readonly intercept: StepInterceptor = (call, proceed) => {
    if (call.key !== this.#key || this.#disturbed) return proceed();
    this.#disturbed = this.#disturb(call, async () => proceed());
    return this.#disturbed;
  };

  /** The saga is over: what is still on its way arrives. */
  async deliver(): Promise<void> {
    this.#over();
    await this.#disturbed?.catch(() => {
      // Refused, as it should be; or heard by the saga when there was time.
    });
    // What the engine does with an answer that it does not want any more.
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  async #disturb({ signal, isTransactional }: StepCall, call: () => Promise<unknown>) {
    switch (this.#disturbance) {
      case 'twice': {
        const [, second] = await Promise.all([call(), call()]);
        return second;
      }
      case 'lost':
        await call();
        throw new PotterError('TIMEOUT', { message: 'The answer was lost: the test did it.' });
      case 'late': {
        const answer = await call();
        // A transaction would hold what it wrote against the next attempt for as long as it is open.
        await (isTransactional ? fired(signal) : this.#whenOver);
        return answer;
      }
      case 'overtaken':
        await this.#whenOver;
        return call();
    }
  }
}

function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
