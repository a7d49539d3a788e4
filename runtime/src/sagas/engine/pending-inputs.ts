import type { MachineInput } from '../machine/machine-input.ts';
import type { JournalEntry } from '../saga-event.ts';
import type { InboxEntry } from '../saga-store.ts';

/** What happened to a saga and is not written down yet, in the order in which it was heard; the next commit takes all of it. */
export class PendingInputs {
  #inputs: MachineInput[] = [];
  #inboxTaken: bigint;

  /** @param inboxSeen highest seq of the inbox that the journal reflects */
  constructor(inboxSeen: bigint) {
    this.#inboxTaken = inboxSeen;
  }

  get isEmpty(): boolean {
    return this.#inputs.length === 0;
  }

  /** Highest seq of the inbox that became an input. */
  get inboxTaken(): bigint {
    return this.#inboxTaken;
  }

  add(inputs: readonly MachineInput[]): void {
    this.#inputs.push(...inputs);
  }

  /** All of it, in an array that is the caller's. */
  take(): MachineInput[] {
    const inputs = this.#inputs;
    this.#inputs = [];
    return inputs;
  }

  /** Before all others: what was taken and could not be written, or comes first of all. */
  putBack(inputs: readonly MachineInput[]): void {
    this.#inputs.unshift(...inputs);
  }

  /** Each message once, however often the inbox is read. */
  hear(inbox: readonly InboxEntry[]): void {
    for (const { seq, message } of inbox) {
      if (seq <= this.#inboxTaken) continue;
      this.#inboxTaken = seq;
      this.#inputs.push({ kind: 'message', message });
    }
  }

  /** Forgets what entries of the journal that this owner wrote say already. */
  forgetReflected(entries: readonly JournalEntry[]): void {
    const reflected = new Set(
      entries.map(({ event }) => ('messageId' in event ? event.messageId : undefined)),
    );
    // What is said once, with the owner's first commit, is reflected by whatever this owner wrote.
    this.#inputs = this.#inputs.filter((input) =>
      input.kind === 'message'
        ? !reflected.has(input.message.messageId)
        : input.kind !== 'recovered' && input.kind !== 'migrated' && input.kind !== 'unfit',
    );
  }
}
