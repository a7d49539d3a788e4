import type { Failure } from '../failure.ts';
import type { Direction, SagaError, SagaStatus } from '../saga-event.ts';
import type { SagaMessage } from '../saga-message.ts';

/** What the machine is told. */
export type MachineInput =
  | {
      readonly kind: 'attempt-completed';
      readonly path: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly result: unknown;
    }
  | {
      readonly kind: 'attempt-failed';
      readonly path: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly failure: Failure;
    }
  /** Time has passed. */
  | { readonly kind: 'timer' }
  | { readonly kind: 'message'; readonly message: SagaMessage }
  /** A new owner took over: whatever was running was interrupted. */
  | { readonly kind: 'recovered' }
  /** The saga that began this one knows how it ended, when it had been asked so many times to be undone. */
  | { readonly kind: 'parent-told'; readonly status: SagaStatus; readonly asked: number }
  /** The saga goes on under another version of its definition. */
  | {
      readonly kind: 'migrated';
      readonly fromVersion: number;
      readonly renamed: Readonly<Record<string, string>>;
    }
  /** The definition at hand cannot go on with this journal. */
  | { readonly kind: 'unfit'; readonly error: SagaError };
