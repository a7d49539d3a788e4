import type { AlreadyDoneOptions, StepOptions, TransactionalStepOptions } from './step-options.ts';
import type { CompensateWhen, DecideContext } from './step-context.ts';
import type { SagaDefinition } from './saga-definition.ts';
import type {
  ChildOptions,
  ChildResult,
  ChoiceOptions,
  ParallelOptions,
  SignalOptions,
  SignalResult,
  TimerDelay,
  TwoPhaseCommitOptions,
} from './node-options.ts';
import type { Signal } from './signal.ts';
import type { TwoPhaseResult } from '../nodes/two-phase-commit.ts';

/** The type error a second node of the same name gets. */
export interface DuplicateStepName<Name extends string> {
  readonly 'this saga already has a step named': Name;
}

/** A name that no node has so far. */
export type NewName<Name extends string, Results> = Name &
  (Name extends keyof Results ? DuplicateStepName<Name> : unknown);

/** What is known after one more step. */
export type With<Results, Name extends string, Result> = Results & {
  readonly [Key in Name]: Result;
};

/** Results of steps that may have been skipped. */
export type Maybe<Results> = { readonly [Key in keyof Results]?: Results[Key] };

/** Past its pivot nothing is undone, so that an undo there is a mistake, unless it is kept for a person who forces it. */
export type PastPivot<Pivoted extends boolean> = Pivoted extends true
  ? { readonly compensate?: never } | { readonly compensateWhen: 'forced' }
  : unknown;

/** Makes a branch: gets an empty one, gives it back with its nodes. */
export type BranchOf<Input, Tx, Results, Added, Pivoted extends boolean> = (
  branch: BranchBuilder<Input, Tx, Results, unknown, Pivoted>,
) => BranchBuilder<Input, Tx, Results, Added, Pivoted>;

/**
 * Puts the nodes of a branch together; each call gives a new builder. `Results` is what was known before the branch, `Added` what
 * its own nodes bring.
 */
export interface BranchBuilder<Input, Tx, Results, Added, Pivoted extends boolean = false> {
  /** A step that works outside the saga's database: calls another service, sends a message. */
  step<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results & Added>,
    options: StepOptions<Input, Results & Added, Result, When> & PastPivot<Pivoted>,
  ): BranchBuilder<Input, Tx, Results, With<Added, Name, Result>, Pivoted>;

  /** A step that writes to the saga's own database, in one transaction with the journal: exactly once. */
  transactionalStep<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results & Added>,
    options: TransactionalStepOptions<Input, Results & Added, Result, When, Tx> &
      PastPivot<Pivoted>,
  ): BranchBuilder<Input, Tx, Results, With<Added, Name, Result>, Pivoted>;

  /** Steps, or branches of steps, that go forward at the same time. None sees the results of another. */
  parallel<const Name extends string, Branches>(
    name: NewName<Name, Results & Added>,
    branches: (
      parallel: ParallelBuilder<Input, Tx, Results & Added, unknown, Pivoted>,
    ) => ParallelBuilder<Input, Tx, Results & Added, Branches, Pivoted>,
    options?: ParallelOptions,
  ): BranchBuilder<Input, Tx, Results, Added & Branches, Pivoted>;

  /** A branch that is gone through only if a condition holds. It is asked once; the answer is in the journal. */
  when<const Name extends string, Branch>(
    name: NewName<Name, Results & Added>,
    condition: (context: DecideContext<Input, Results & Added>) => boolean,
    branch: BranchOf<Input, Tx, Results & Added, Branch, Pivoted>,
    options?: ChoiceOptions,
  ): BranchBuilder<Input, Tx, Results, Added & Maybe<Branch>, Pivoted>;

  /** If, else if, else: the first branch whose condition holds, or `otherwise`, or none. */
  choose<const Name extends string, Branches>(
    name: NewName<Name, Results & Added>,
    cases: (
      choice: ChoiceBuilder<Input, Tx, Results & Added, unknown, Pivoted>,
    ) => ChoiceBuilder<Input, Tx, Results & Added, Branches, Pivoted>,
    options?: ChoiceOptions,
  ): BranchBuilder<Input, Tx, Results, Added & Maybe<Branches>, Pivoted>;

  /** The branch that is named by a value, or `otherwise`, or none. */
  switch<const Name extends string, Branches>(
    name: NewName<Name, Results & Added>,
    value: (context: DecideContext<Input, Results & Added>) => string,
    cases: (
      choice: SwitchBuilder<Input, Tx, Results & Added, unknown, Pivoted>,
    ) => SwitchBuilder<Input, Tx, Results & Added, Branches, Pivoted>,
    options?: ChoiceOptions,
  ): BranchBuilder<Input, Tx, Results, Added & Maybe<Branches>, Pivoted>;

  /** Waits, for days if need be: for so long, or until a time that is made from what is known. Survives every restart. */
  sleep<const Name extends string>(
    name: NewName<Name, Results & Added>,
    delay: TimerDelay<Input, Results & Added>,
  ): BranchBuilder<Input, Tx, Results, Added, Pivoted>;

  /** Waits to be told something; a signal that came before is taken at once. Its value is the node's result. */
  waitFor<const Name extends string, Value, OnTimeout extends 'fail' | 'continue' = 'fail'>(
    name: NewName<Name, Results & Added>,
    signal: Signal<Value>,
    options?: SignalOptions<OnTimeout>,
  ): BranchBuilder<Input, Tx, Results, With<Added, Name, SignalResult<Value, OnTimeout>>, Pivoted>;

  /** A saga within this one, with an id, a journal and retries of its own. Undoing it is one undo of this saga. */
  child<const Name extends string, ChildInput, ChildResults>(
    name: NewName<Name, Results & Added>,
    definition: SagaDefinition<ChildInput, Tx, ChildResults>,
    options: ChildOptions<Input, Results & Added, ChildInput>,
  ): BranchBuilder<Input, Tx, Results, With<Added, Name, ChildResult<ChildResults>>, Pivoted>;

  /**
   * Work of several participants, in databases and services of their own, that is done by all of them or by none: two-phase
   * commit, or try-confirm-cancel.
   */
  twoPhaseCommit<const Name extends string>(
    name: NewName<Name, Results & Added>,
    options: TwoPhaseCommitOptions<Input, Results & Added> & PastPivot<Pivoted>,
  ): BranchBuilder<Input, Tx, Results, With<Added, Name, TwoPhaseResult>, Pivoted>;
}

/** Puts branches together that go forward at the same time. */
export interface ParallelBuilder<Input, Tx, Results, Added, Pivoted extends boolean = false> {
  /** A branch of one step. */
  step<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results & Added>,
    options: StepOptions<Input, Results, Result, When> & PastPivot<Pivoted>,
  ): ParallelBuilder<Input, Tx, Results, With<Added, Name, Result>, Pivoted>;

  /** A branch of one transactional step. */
  transactionalStep<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results & Added>,
    options: TransactionalStepOptions<Input, Results, Result, When, Tx> & PastPivot<Pivoted>,
  ): ParallelBuilder<Input, Tx, Results, With<Added, Name, Result>, Pivoted>;

  /** A branch of any nodes. */
  branch<Branch>(
    branch: BranchOf<Input, Tx, Results, Branch, Pivoted>,
  ): ParallelBuilder<Input, Tx, Results, Added & Branch, Pivoted>;
}

/** Puts the branches of a choice together. */
export interface ChoiceBuilder<Input, Tx, Results, Added, Pivoted extends boolean = false> {
  /** The branch to take when no condition before it holds and this one does. */
  when<Branch>(
    name: string,
    condition: (context: DecideContext<Input, Results>) => boolean,
    branch: BranchOf<Input, Tx, Results, Branch, Pivoted>,
  ): ChoiceBuilder<Input, Tx, Results, Added & Branch, Pivoted>;

  /** The branch to take when no condition holds. */
  otherwise<Branch>(
    branch: BranchOf<Input, Tx, Results, Branch, Pivoted>,
  ): ChoiceBuilder<Input, Tx, Results, Added & Branch, Pivoted>;
}

/** Puts the branches of a switch together. */
export interface SwitchBuilder<Input, Tx, Results, Added, Pivoted extends boolean = false> {
  /** The branch for a value. */
  case<Branch>(
    value: string,
    branch: BranchOf<Input, Tx, Results, Branch, Pivoted>,
  ): SwitchBuilder<Input, Tx, Results, Added & Branch, Pivoted>;

  /** The branch for every other value. */
  otherwise<Branch>(
    branch: BranchOf<Input, Tx, Results, Branch, Pivoted>,
  ): SwitchBuilder<Input, Tx, Results, Added & Branch, Pivoted>;
}

/**
 * Puts a saga together, node by node; each call gives a new builder. `Results` grows with every step, so that a step sees what
 * those before it returned.
 */
export interface SagaBuilder<Input, Tx, Results, Pivoted extends boolean = false> {
  /**
   * Names what whoever starts the saga does in the transaction of the start (places an order, say) and how the saga undoes
   * it, last of all and also when no step was begun. Comes before every step.
   */
  alreadyDone<const Name extends string>(
    name: NewName<Name, Results>,
    options: AlreadyDoneOptions<Input, Tx>,
  ): SagaBuilder<Input, Tx, Results, Pivoted>;

  /** A step that works outside the saga's database: calls another service, sends a message. */
  step<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results>,
    options: StepOptions<Input, Results, Result, When> & PastPivot<Pivoted>,
  ): SagaBuilder<Input, Tx, With<Results, Name, Result>, Pivoted>;

  /** A step that writes to the saga's own database, in one transaction with the journal: exactly once. */
  transactionalStep<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results>,
    options: TransactionalStepOptions<Input, Results, Result, When, Tx> & PastPivot<Pivoted>,
  ): SagaBuilder<Input, Tx, With<Results, Name, Result>, Pivoted>;

  /**
   * The point of no return, a saga has one at most. Until it is done a failure undoes everything before it; once it is done,
   * steps are tried until they succeed or a person looks, and nothing is undone. While it is not known whether it was done,
   * it is tried again, and no cancel is accepted.
   */
  pivot<const Name extends string, Result>(
    name: NewName<Name, Results>,
    options: Omit<StepOptions<Input, Results, Result, 'attempted'>, 'compensate'> &
      OncePerSaga<Pivoted>,
  ): SagaBuilder<Input, Tx, With<Results, Name, Result>, true>;

  /** A pivot that writes to the saga's own database, in one transaction with the journal. */
  transactionalPivot<const Name extends string, Result>(
    name: NewName<Name, Results>,
    options: Omit<TransactionalStepOptions<Input, Results, Result, 'attempted', Tx>, 'compensate'> &
      OncePerSaga<Pivoted>,
  ): SagaBuilder<Input, Tx, With<Results, Name, Result>, true>;

  /** Steps, or branches of steps, that go forward at the same time. None sees the results of another. */
  parallel<const Name extends string, Branches>(
    name: NewName<Name, Results>,
    branches: (
      parallel: ParallelBuilder<Input, Tx, Results, unknown, Pivoted>,
    ) => ParallelBuilder<Input, Tx, Results, Branches, Pivoted>,
    options?: ParallelOptions,
  ): SagaBuilder<Input, Tx, Results & Branches, Pivoted>;

  /** A branch that is gone through only if a condition holds. It is asked once; the answer is in the journal. */
  when<const Name extends string, Branch>(
    name: NewName<Name, Results>,
    condition: (context: DecideContext<Input, Results>) => boolean,
    branch: BranchOf<Input, Tx, Results, Branch, Pivoted>,
    options?: ChoiceOptions,
  ): SagaBuilder<Input, Tx, Results & Maybe<Branch>, Pivoted>;

  /** If, else if, else: the first branch whose condition holds, or `otherwise`, or none. */
  choose<const Name extends string, Branches>(
    name: NewName<Name, Results>,
    cases: (
      choice: ChoiceBuilder<Input, Tx, Results, unknown, Pivoted>,
    ) => ChoiceBuilder<Input, Tx, Results, Branches, Pivoted>,
    options?: ChoiceOptions,
  ): SagaBuilder<Input, Tx, Results & Maybe<Branches>, Pivoted>;

  /** The branch that is named by a value, or `otherwise`, or none. */
  switch<const Name extends string, Branches>(
    name: NewName<Name, Results>,
    value: (context: DecideContext<Input, Results>) => string,
    cases: (
      choice: SwitchBuilder<Input, Tx, Results, unknown, Pivoted>,
    ) => SwitchBuilder<Input, Tx, Results, Branches, Pivoted>,
    options?: ChoiceOptions,
  ): SagaBuilder<Input, Tx, Results & Maybe<Branches>, Pivoted>;

  /** Waits, for days if need be: for so long, or until a time that is made from what is known. Survives every restart. */
  sleep<const Name extends string>(
    name: NewName<Name, Results>,
    delay: TimerDelay<Input, Results>,
  ): SagaBuilder<Input, Tx, Results, Pivoted>;

  /** Waits to be told something; a signal that came before is taken at once. Its value is the node's result. */
  waitFor<const Name extends string, Value, OnTimeout extends 'fail' | 'continue' = 'fail'>(
    name: NewName<Name, Results>,
    signal: Signal<Value>,
    options?: SignalOptions<OnTimeout>,
  ): SagaBuilder<Input, Tx, With<Results, Name, SignalResult<Value, OnTimeout>>, Pivoted>;

  /** A saga within this one, with an id, a journal and retries of its own. Undoing it is one undo of this saga. */
  child<const Name extends string, ChildInput, ChildResults>(
    name: NewName<Name, Results>,
    definition: SagaDefinition<ChildInput, Tx, ChildResults>,
    options: ChildOptions<Input, Results, ChildInput>,
  ): SagaBuilder<Input, Tx, With<Results, Name, ChildResult<ChildResults>>, Pivoted>;

  /**
   * Work of several participants, in databases and services of their own, that is done by all of them or by none: two-phase
   * commit, or try-confirm-cancel.
   */
  twoPhaseCommit<const Name extends string>(
    name: NewName<Name, Results>,
    options: TwoPhaseCommitOptions<Input, Results> & PastPivot<Pivoted>,
  ): SagaBuilder<Input, Tx, With<Results, Name, TwoPhaseResult>, Pivoted>;

  /** @throws PotterError `SAGA_DEFINITION_INVALID` when a rule is broken that types cannot check. */
  build(): SagaDefinition<Input, Tx, Results>;
}

/** A second pivot would be none: after the first there is no way back that it could close. */
type OncePerSaga<Pivoted extends boolean> = Pivoted extends true
  ? { readonly 'this saga already has a pivot': never }
  : unknown;
