import { PotterError } from '../errors/potter-error.ts';

/** One effect that happened, once, in the order of the ledger. */
export interface LedgerEntry {
  readonly key: string;
  readonly sagaId: string;
  /** Path of the step. */
  readonly step: string;
  readonly kind: 'do' | 'undo';
  /** An undo that had nothing to undo. */
  readonly empty: boolean;
}

/** Where fake participants record what they did: it survives every simulated process. */
export interface LedgerClient {
  /**
   * Has an effect once per key. The same key again gets the first answer and has none.
   * @param effect makes the answer, the first time. Default: nothing.
   * @throws PotterError `FENCED` when the doing arrives after its undoing: then it must never happen.
   */
  apply<T = undefined>(key: string, effect?: () => T | Promise<T>): Promise<T>;
}

const KEY = /^([^/]+)\/(.+)\/(do|undo)$/;

/** The participants of sagas under test, as good ones are: they honour keys, empty undoings and late doings. */
export class ParticipantLedger implements LedgerClient {
  readonly #entries: LedgerEntry[] = [];
  readonly #answers = new Map<string, Promise<unknown>>();
  readonly #calls = new Map<string, number>();

  /** What happened, in order. */
  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  /** How often a key was presented. */
  callsOf(key: string): number {
    return this.#calls.get(key) ?? 0;
  }

  async apply<T>(key: string, effect?: () => T | Promise<T>): Promise<T> {
    const [, sagaId = '', step = '', kind] = KEY.exec(key) ?? [];
    if (kind !== 'do' && kind !== 'undo') {
      throw new PotterError('INVALID_ARGUMENT', {
        message: `'${key}' is not a key of a saga's step.`,
        remedy: 'Pass the key that execute and compensate are given.',
      });
    }
    this.#calls.set(key, this.callsOf(key) + 1);
    const known = this.#answers.get(key);
    if (known) return known as Promise<T>;
    const other = `${sagaId}/${step}/${kind === 'do' ? 'undo' : 'do'}`;
    if (kind === 'do' && this.#answers.has(other)) {
      throw new PotterError('FENCED', {
        message: `'${key}' arrived after its undoing.`,
        details: { key },
      });
    }
    const empty = kind === 'undo' && !this.#answers.has(other);
    this.#entries.push({ key, sagaId, step, kind, empty });
    const answer = (async () => effect?.())();
    this.#answers.set(key, answer);
    return answer as Promise<T>;
  }
}
