import { AsyncLocalStorage, type AsyncResource } from 'node:async_hooks';
import type { Event, EventMetadata } from '../events/event.ts';
import type { ExpectedVersion } from '../event-store/expected-version.ts';
import type { Handled } from './repository-options.ts';
import type { Queued } from './stream-queue.ts';
import type { TransactionShare } from './transaction-share.ts';

/** A command that somebody waits for. */
export interface CommandJob<State, E extends Event, Command> extends Queued {
  readonly command: Command;
  readonly expected: ExpectedVersion;
  readonly metadata: EventMetadata;
  readonly resolve: (handled: Handled<State, E>) => void;
  /** Where the caller is: its correlation and trace, which must not be those of its neighbour in the queue. */
  readonly context: AsyncResource;
  /** There when the caller has a share of a transaction. */
  readonly share: Pick<TransactionShare<unknown>, 'decided' | 'spoil'> | undefined;
}

/** Set while a command runs: see {@link isInsideCommand}. */
const running = new AsyncLocalStorage<true>();

/**
 * Whether the calling code is part of a command. A command that handles another one, against the advice, must not wait
 * in a queue its own caller holds: it goes past, and one of the two conflicts and is retried.
 */
export function isInsideCommand(): boolean {
  return running.getStore() === true;
}

/** Runs work as part of the command of a job, where its caller is. */
export function insideCommand<T>(context: AsyncResource, work: () => T): T {
  return context.runInAsyncScope(() => running.run(true, work));
}
