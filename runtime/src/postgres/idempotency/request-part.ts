import { markAsShare } from '../../aggregates/transaction-share.ts';
import { PotterError } from '../../errors/potter-error.ts';
import type { PostgresTransaction } from '../connection/client.ts';

/** What the requests of one transaction have in common. */
export interface SharedState {
  /** The one stream they are all at, once the first is at it. */
  stream: string | undefined;
  /** Something may be in the transaction that belongs to a request without an answer. */
  isSpoilt: boolean;
  /** The transaction is at its end; who comes now must not reach the connection, which goes to somebody else. */
  isOver: boolean;
  /** What the wait for the stream's lock ended with. */
  heldUp: unknown;
}

/**
 * The transaction as one request sees it. It looks on: a request that only handles one command by it can share it with
 * others, and one that sends statements of its own cannot, for a setting or a savepoint of one would be everybody's.
 */
export class RequestPart {
  /** What the handler gets. */
  readonly transaction: PostgresTransaction;
  #command: 'none' | 'under way' | 'without effect' | 'written' = 'none';
  #isOwn = false;

  /** @param shared undefined when nobody else is in the transaction: then everything is allowed. */
  constructor(whole: PostgresTransaction, shared: SharedState | undefined) {
    this.transaction = {
      query: async (statement) => {
        this.#isOwn = true;
        if (shared !== undefined) throw doneAgain();
        return whole.query(statement);
      },
    };
    markAsShare(this.transaction, {
      whole,
      join: (stream) => {
        if (this.#isOwn || this.#command !== 'none') return false;
        if (shared !== undefined) {
          if (shared.isOver || (shared.stream ??= stream) !== stream) return false;
        }
        this.#command = 'under way';
        return true;
      },
      decided: (wrote) => {
        this.#command = wrote ? 'written' : 'without effect';
      },
      spoil: () => {
        if (shared !== undefined) shared.isSpoilt = true;
      },
    });
  }

  /** The request used its part as a transaction of its own. */
  get isOwn(): boolean {
    return this.#isOwn;
  }

  /** The request did nothing but handle a command. */
  get isShareable(): boolean {
    return !this.#isOwn && this.#command !== 'none';
  }

  /** Its command is not decided yet. */
  get isUnderWay(): boolean {
    return this.#command === 'under way';
  }

  /** What the request did cannot be taken out of the transaction again. */
  get hasEffect(): boolean {
    return this.#command === 'under way' || this.#command === 'written';
  }
}

/** Why a request was not done together with others. Nobody sees it but a handler that is in the way. */
export function doneAgain(): PotterError {
  return new PotterError('ABORTED', {
    message: 'This request was begun together with others, and needs a transaction of its own.',
    remedy: 'Let this error pass: the request is done again, by itself.',
  });
}
