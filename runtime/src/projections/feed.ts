/** Where a subscription starts and how it goes on. */
export interface FeedOptions {
  /** The last position that was handled: a stored checkpoint. Default 0n, the beginning. */
  readonly after?: bigint | undefined;
  /** Most stored entries in a batch; default 500. */
  readonly batchSize?: number | undefined;
  /** Ends the subscription; the loop over it ends without an error. */
  readonly signal?: AbortSignal | undefined;
}

/** What a feed delivers at once. */
export interface FeedBatch<Item> {
  /** In the order of positions. Empty when only the position moved, or when the end was reached. */
  readonly items: readonly Item[];
  /** Everything up to here was delivered or can never appear: the checkpoint to store. */
  readonly position: bigint;
  /** Nothing more was there when the batch was made. */
  readonly caughtUp: boolean;
}

/**
 * What projections read: everything that was committed, exactly once and in the order of its positions, as long as each
 * subscription starts after the position its predecessor handled. It never steps over something that may still commit.
 */
export interface Feed<Item> {
  /** Goes on until its signal fires or the loop is left. Woken by notification. */
  subscribe(options?: FeedOptions): AsyncIterable<FeedBatch<Item>>;
  /** The highest position there is now; 0n when there is none. What was committed before the call is not beyond it. */
  head(): Promise<bigint>;
}
