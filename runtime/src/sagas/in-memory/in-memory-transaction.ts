/** How the in-memory store opens the transactions it hands to transactional steps. */
export interface TransactionControl<Tx> {
  readonly transaction: Tx;
  /** Makes what was done in it visible. Must not fail. */
  commit(): void;
  /** Forgets it. */
  rollback(): void;
}

/** The default transaction of the in-memory store: collects what is to happen once it commits. */
export interface InMemoryTransaction {
  /** Runs `effect` when, and only when, the transaction commits, in the order of the calls. */
  onCommit(effect: () => void): void;
}

/** Opens an {@link InMemoryTransaction}. */
export function beginInMemoryTransaction(): TransactionControl<InMemoryTransaction> {
  let effects: (() => void)[] = [];
  return {
    transaction: { onCommit: (effect) => void effects.push(effect) },
    commit: () => effects.forEach((effect) => effect()),
    rollback: () => void (effects = []),
  };
}
