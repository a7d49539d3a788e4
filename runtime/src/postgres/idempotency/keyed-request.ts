import type { AsyncResource } from 'node:async_hooks';
import type {
  IdempotentOutcome,
  OnceOptions,
  RememberedResponse,
  RequestIdentity,
} from '../../http/idempotency/idempotency-store.ts';
import type { PostgresTransaction } from '../connection/client.ts';

/** A request with a key, and how to do it. */
export interface KeyedRequest {
  readonly identity: RequestIdentity;
  readonly work: (transaction: PostgresTransaction) => Promise<RememberedResponse>;
  readonly options: OnceOptions;
}

/** One that waits to be done together with others. */
export interface WaitingRequest extends KeyedRequest {
  /** Where its sender is: its correlation and trace, not its neighbour's. */
  readonly context: AsyncResource;
  /** Its outcome; undefined when it has to be done in a transaction of its own. */
  readonly resolve: (outcome: IdempotentOutcome | undefined) => void;
  readonly reject: (error: unknown) => void;
}
