import type { ErrorDescription } from '../errors/describe-error.ts';
import type { SagaDefinition } from './definition/saga-definition.ts';
import type { Signal } from './definition/signal.ts';
import type { SagaFilter } from './saga-directory.ts';

/** What goes with everything that a saga is told. */
export interface TellOptions {
  /** Makes it repeatable: the same id is heard once by a saga. Default: a new id. */
  readonly messageId?: string;
  /** Who asks; in the journal, for the audit trail. */
  readonly by?: string;
  /** Why; in the journal too. */
  readonly reason?: string;
}

/** What was asked for is durable; the process that owns the saga does it, and the journal tells when it has. */
export interface Told {
  readonly sagaId: string;
}

/** How to skip a step. */
export interface SkipOptions<Result = unknown> extends TellOptions {
  /** What the steps after it see as its result. While a saga is undone it has no meaning. */
  readonly result?: Result;
}

/** How to edit an input. */
export interface EditOptions extends TellOptions {
  /** Replaces only the members that are named, instead of the whole. Default false. */
  readonly merge?: boolean;
}

/** How to undo. */
export interface UndoOptions extends TellOptions {
  /** Also past the pivot: what can be undone is, steps with `compensateWhen: 'forced'` included. Default false. */
  readonly force?: boolean;
}

/** An operation as data: for lists of sagas, command lines and queues. */
export type SagaAction =
  | { readonly kind: 'cancel' | 'pause' | 'resume' }
  | { readonly kind: 'rewind'; readonly step: string }
  | { readonly kind: 'skip'; readonly step: string; readonly result?: unknown }
  | { readonly kind: 'edit'; readonly input: unknown; readonly merge?: boolean }
  | { readonly kind: 'undo'; readonly force?: boolean }
  /** The value is taken as it is: `signal` checks it. */
  | { readonly kind: 'signal'; readonly name: string; readonly value?: unknown };

/** How to tell many sagas. */
export interface BulkOptions extends TellOptions {
  /** At most so many. Default: all. */
  readonly limit?: number;
  /** Those with ids after this one. Default: from the first. */
  readonly after?: string;
  /** How many are told at once. Default 16. */
  readonly concurrency?: number;
  /** Ends it early; those that were told stay told. */
  readonly signal?: AbortSignal;
}

/** What became of one saga of many. */
export type BulkOutcome =
  | { readonly sagaId: string; readonly outcome: 'accepted' }
  | { readonly sagaId: string; readonly outcome: 'refused'; readonly error: ErrorDescription };

/**
 * What a person can do about a saga. Each is a message: durable when the promise resolves, then done by whichever process owns
 * the saga, under its lease, and journaled with who asked and why. Where the present state shows that it cannot be done, it
 * is refused at once; when the saga has moved on before it is heard, the journal says `MessageIgnored`.
 * All throw PotterError `SAGA_NOT_FOUND`; and `SAGA_ALREADY_FINISHED` when the saga is over.
 */
export interface SagaOperations {
  /**
   * Asks for a saga to be undone. Accepted while it is being undone too, where it changes nothing.
   * @throws PotterError `SAGA_PAST_PIVOT` when there is no way back.
   */
  cancel(sagaId: string, options?: TellOptions): Promise<Told>;
  /** Lets attempts that run end, and begins no more, forwards or undoing, until it is resumed. Its deadline waits too. */
  pause(sagaId: string, options?: TellOptions): Promise<Told>;
  /**
   * Goes on after a pause, or where a failed saga gave up, with all retries.
   * @throws PotterError `SAGA_NOT_RESUMABLE` unless it is `failed` or paused.
   */
  resume(sagaId: string, options?: TellOptions): Promise<Told>;
  /**
   * Undoes what was begun from a step on, that step included, in reverse order of the starts; then goes forward again from
   * there, under new keys (`saga/step~n/do`). Also from a choice, which is then decided anew, and from a wait.
   * @throws PotterError `SAGA_OPERATION_REFUSED` unless it is `failed` or paused and goes forward, and for a step that was not
   * begun; `SAGA_STEP_UNKNOWN`; `SAGA_PAST_PIVOT`.
   */
  rewind(sagaId: string, step: string, options?: TellOptions): Promise<Told>;
  /**
   * Takes a step that gave up or waits as done, with this result; of a saga that is being undone, as undone. Waits for a
   * time, a signal or a child are steps too. Should the saga be undone later, so is the step.
   * With `definition` the compiler knows steps and results.
   * @throws PotterError `SAGA_OPERATION_REFUSED` for a step that runs, was not begun or is done; `SAGA_STEP_UNKNOWN`.
   */
  skip<Results, const Step extends keyof Results & string>(
    sagaId: string,
    step: Step,
    options: SkipOptions<Results[Step]> & {
      readonly definition: SagaDefinition<unknown, never, Results>;
    },
  ): Promise<Told>;
  skip(sagaId: string, step: string, options?: SkipOptions): Promise<Told>;
  /**
   * Replaces what the saga was started with; attempts from then on see it, decisions that were taken stay.
   * @throws PotterError `SAGA_OPERATION_REFUSED` unless it is `failed` or paused; `INVALID_ARGUMENT` for a merge of what has no
   * members; `SERIALIZATION_FAILED`; what the definition's `parseInput` throws.
   */
  edit(sagaId: string, input: unknown, options?: EditOptions): Promise<Told>;
  /**
   * Undoes a saga, also when it is completed; before that it is a cancel.
   * @throws PotterError `SAGA_PAST_PIVOT` when it passed its pivot and is not forced, or is under way and not paused.
   */
  undo(sagaId: string, options?: UndoOptions): Promise<Told>;
  /**
   * Tells a saga what it waits for, or will: a signal that comes early is kept.
   * @throws what the signal's `parse` throws.
   */
  signal<Value>(
    sagaId: string,
    signal: Signal<Value>,
    value: NoInfer<Value>,
    options?: TellOptions,
  ): Promise<Told>;
  /** Any of these operations, as data. A signal's value is taken as it is. */
  tell(sagaId: string, action: SagaAction, options?: TellOptions): Promise<Told>;
  /**
   * Tells all sagas that a filter finds, in the order of their ids, and what became of each as it goes. One that is found after
   * it began is told too. Repeatable by `messageId`.
   */
  bulk(filter: SagaFilter, action: SagaAction, options?: BulkOptions): AsyncIterable<BulkOutcome>;
}
