/**
 * One rule of a port that every adapter keeps. A contract is a list of them, for any test runner:
 * `for (const { name, run } of snapshotStoreContract(open)) test(name, run)`.
 */
export interface ContractRule {
  /** The rule, as a sentence. */
  readonly name: string;
  /** Rejects with an AssertionError when the adapter breaks the rule. */
  readonly run: () => Promise<void>;
}
