/** What makes two requests the same request. */
export interface RequestIdentity {
  /** The sender's `Idempotency-Key`: 1 to 255 visible ASCII characters. */
  readonly key: string;
  /** Whose key it is; keys of different scopes never meet. Empty where everybody shares one. */
  readonly scope: string;
  /** Hash of method, address and body: the same key with another fingerprint is refused. */
  readonly fingerprint: string;
}

/** An answer as it was sent. */
export interface RememberedResponse {
  readonly status: number;
  /** Headers that the handler set, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text; null when there is none. */
  readonly body: string | null;
}

/** What became of a request with a key. */
export interface IdempotentOutcome {
  readonly response: RememberedResponse;
  /** The answer was made by an earlier request with this key; nothing was done now. */
  readonly replayed: boolean;
}

/** What a request is about, for stores that can do requests about one thing in one transaction. */
export interface RequestSubject {
  /** Method and route. Requests of one route do alike: what one does with its transaction, the next will do as well. */
  readonly route: string;
  /** The address without its query: the thing that the request is about, most likely. */
  readonly resource: string;
}

/** How {@link IdempotencyStore.once} is to treat its work. */
export interface OnceOptions {
  /**
   * The answer to remember for an error of the work, whose own effects are undone; undefined for an error that is
   * about the moment (an outage, a lost race): nothing is remembered, and it is thrown on.
   */
  refusal(error: unknown): RememberedResponse | undefined;
  /**
   * Allows the store to do this work in one transaction with that of others about the same thing, as long as each only
   * handles one command by it. Each has its own outcome all the same. Default: a transaction of its own.
   */
  readonly subject?: RequestSubject | undefined;
}

/**
 * Remembers answers by `Idempotency-Key`, in the same transaction as the effect: both are there after a crash, or
 * neither. While the first request with a key is at work, others with that key, in any process, wait for it.
 */
export interface IdempotencyStore<Tx> {
  /**
   * Runs `work` in a new transaction, at most once for each key, and gives the answer of whoever ran it.
   * @throws PotterError `IDEMPOTENCY_KEY_REUSED` when the key came with another fingerprint before,
   * `IDEMPOTENCY_KEY_IN_USE` when the first is still at work after the longest wait.
   */
  once(
    request: RequestIdentity,
    work: (transaction: Tx) => Promise<RememberedResponse>,
    options: OnceOptions,
  ): Promise<IdempotentOutcome>;
  /** Forgets keys that are past their time. Returns how many; a large backlog takes several calls. */
  sweep(): Promise<number>;
}
