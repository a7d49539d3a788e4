import { PotterError } from '../errors/potter-error.ts';
import { Rejection } from '../errors/rejection.ts';
import { abortError } from '../foundation/sleep.ts';
import { type LedgerClient, ParticipantLedger } from './participant-ledger.ts';

/**
 * What a fake participant does with a call:
 * - `works`: has its effect, once a key, and answers,
 * - `refuses`: says no with a `Rejection`, and has no effect,
 * - `fails`: throws, and has no effect,
 * - `works-and-fails`: has its effect, and its answer is lost,
 * - `hangs`: has no effect and does not answer,
 * - `works-and-hangs`: has its effect and does not answer.
 */
export type FakeMood =
  | 'works'
  | 'refuses'
  | 'fails'
  | 'works-and-fails'
  | 'hangs'
  | 'works-and-hangs';

/** A service that a saga's steps call, without the service: it honours keys as a good one does, and is in the mood a test wants. */
export class FakeParticipant implements LedgerClient {
  /** Calls as they came: their keys, and what it did with them. */
  readonly calls: { readonly key: string; readonly mood: FakeMood }[] = [];
  /** For calls that no mood was named for. */
  mood: FakeMood = 'works';
  readonly #ledger: LedgerClient;
  #next: readonly FakeMood[] = [];

  /** @param ledger where its effects are recorded: of its own by default, or the one of `crashEverywhere`. */
  constructor(ledger: LedgerClient = new ParticipantLedger()) {
    this.#ledger = ledger;
  }

  /** The moods of its next calls, one each. */
  next(...moods: readonly FakeMood[]): this {
    this.#next = [...this.#next, ...moods];
    return this;
  }

  /**
   * A call of it.
   * @param effect what it does, once a key.
   * @param signal ends a call that hangs. Default: it hangs for ever.
   */
  async apply<T = undefined>(
    key: string,
    effect?: () => T | Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const [mood = this.mood, ...next] = this.#next;
    this.#next = next;
    this.calls.push({ key, mood });
    switch (mood) {
      case 'works':
        return this.#ledger.apply(key, effect);
      case 'refuses':
        throw new Rejection('REFUSED_BY_TEST', 'The participant says no.');
      case 'fails':
        throw new Error('The participant is not well.');
      case 'works-and-fails':
        await this.#ledger.apply(key, effect);
        throw new PotterError('TIMEOUT', { message: 'The participant worked and did not answer.' });
      case 'hangs':
        return silence(signal);
      case 'works-and-hangs':
        await this.#ledger.apply(key, effect);
        return silence(signal);
    }
  }
}

function silence(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal ? abortError(signal) : undefined);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
