import { PotterError } from '../errors/potter-error.ts';
import { durationMs } from '../foundation/duration.ts';
import { definitionHash } from './definition-hash.ts';
import type { AlreadyDoneNode } from './nodes/already-done.ts';
import type { AttemptedNode, SagaNode } from './nodes/node.ts';
import type { SequenceNode } from './nodes/sequence.ts';
import type { StepNode } from './nodes/step.ts';
import type { TransactionalStepNode } from './nodes/transactional-step.ts';
import type { SagaDefinition, SagaOptions } from './saga-definition.ts';
import type { CompensateWhen } from './step-context.ts';
import {
  type AlreadyDoneOptions,
  compensatePolicy,
  forwardPolicy,
  type StepOptions,
  type StepPolicy,
  type TransactionalStepOptions,
} from './step-options.ts';

/** The type error a second step of the same name gets. */
export interface DuplicateStepName<Name extends string> {
  readonly 'this saga already has a step named': Name;
}

type NewName<Name extends string, Results> = Name &
  (Name extends keyof Results ? DuplicateStepName<Name> : unknown);

/** What is known after one more step. */
type With<Results, Name extends string, Result> = Results & { readonly [Key in Name]: Result };

/**
 * Puts a saga together, step by step; each call gives a new builder. `Results` grows with every step, so that a step
 * sees what those before it returned.
 */
export interface SagaBuilder<Input, Tx, Results> {
  /**
   * Names what whoever starts the saga does in the transaction of the start (places an order, say) and how the saga undoes
   * it, last of all and also when no step was begun. Comes before every step.
   */
  alreadyDone<const Name extends string>(
    name: NewName<Name, Results>,
    options: AlreadyDoneOptions<Input, Tx>,
  ): SagaBuilder<Input, Tx, Results>;

  /** A step that works outside the saga's database: calls another service, sends a message. */
  step<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results>,
    options: StepOptions<Input, Results, Result, When>,
  ): SagaBuilder<Input, Tx, With<Results, Name, Result>>;

  /** A step that writes to the saga's own database, in one transaction with the journal: exactly once. */
  transactionalStep<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results>,
    options: TransactionalStepOptions<Input, Results, Result, When, Tx>,
  ): SagaBuilder<Input, Tx, With<Results, Name, Result>>;

  /** @throws PotterError `SAGA_DEFINITION_INVALID` when a rule is broken that types cannot check. */
  build(): SagaDefinition<Input, Tx, Results>;
}

/**
 * Begins the definition of a saga: steps that are done in order, and undone in reverse order when one of them cannot be done.
 * Give `Tx` (`PostgresTransaction`) when it has transactional steps.
 * @throws PotterError `SAGA_DEFINITION_INVALID` for a name or option that cannot be used.
 */
export function saga<Input, Tx = unknown>(
  name: string,
  options: SagaOptions = {},
): SagaBuilder<Input, Tx, unknown> {
  checkName('saga', name);
  checkWhole('version', options.version);
  checkWhole('snapshotEvery', options.snapshotEvery);
  checkWhole('maxInterruptions', options.maxInterruptions);
  return new Builder<Input, Tx, unknown>(name, options, []);
}

class Builder<Input, Tx, Results> implements SagaBuilder<Input, Tx, Results> {
  readonly #name: string;
  readonly #options: SagaOptions;
  readonly #nodes: readonly AttemptedNode[];

  constructor(name: string, options: SagaOptions, nodes: readonly AttemptedNode[]) {
    this.#name = name;
    this.#options = options;
    this.#nodes = nodes;
  }

  alreadyDone<const Name extends string>(
    name: NewName<Name, Results>,
    options: AlreadyDoneOptions<Input, Tx>,
  ): SagaBuilder<Input, Tx, Results> {
    if (this.#nodes.some(({ kind }) => kind !== 'already-done')) {
      throw invalid(`Saga '${this.#name}' names '${name}' as already done after its first step.`);
    }
    return this.#with({
      ...attemptedNode(name, options),
      kind: 'already-done',
      ...erased<AlreadyDoneNode>(options),
    });
  }

  step<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results>,
    options: StepOptions<Input, Results, Result, When>,
  ): SagaBuilder<Input, Tx, With<Results, Name, Result>> {
    return this.#with({
      ...attemptedNode(name, options),
      kind: 'step',
      ...erased<StepNode>(options),
    });
  }

  transactionalStep<const Name extends string, Result, When extends CompensateWhen = 'attempted'>(
    name: NewName<Name, Results>,
    options: TransactionalStepOptions<Input, Results, Result, When, Tx>,
  ): SagaBuilder<Input, Tx, With<Results, Name, Result>> {
    return this.#with({
      ...attemptedNode(name, options),
      kind: 'transactional-step',
      ...erased<TransactionalStepNode>(options),
    });
  }

  build(): SagaDefinition<Input, Tx, Results> {
    const { version, timeout, snapshotEvery, onDefect, onCompensationFailure, maxInterruptions } =
      this.#options;
    if (this.#nodes.every(({ kind }) => kind === 'already-done'))
      throw invalid(`Saga '${this.#name}' has no steps.`);
    const root: SequenceNode = { kind: 'sequence', path: '', children: this.#nodes };
    return Object.freeze({
      name: this.#name,
      version: version ?? 1,
      hash: definitionHash(this.#name, root),
      root,
      attempted: new Map(this.#nodes.map((node) => [node.path, node])),
      timeoutMs: timeout === undefined ? null : durationMs(timeout),
      snapshotEvery: snapshotEvery ?? 50,
      onDefect: onDefect ?? 'pause',
      onCompensationFailure: onCompensationFailure ?? 'pause',
      maxInterruptions: maxInterruptions ?? 10,
    });
  }

  #with<NextResults>(node: AttemptedNode): SagaBuilder<Input, Tx, NextResults> {
    if (this.#nodes.some((other: SagaNode) => other.path === node.path)) {
      throw invalid(`Saga '${this.#name}' has two steps named '${node.path}'.`);
    }
    return new Builder<Input, Tx, NextResults>(this.#name, this.#options, [
      ...this.#nodes,
      Object.freeze(node),
    ]);
  }
}

function attemptedNode(
  name: string,
  options: StepPolicy,
): Pick<AttemptedNode, 'path' | 'compensateWhen' | 'policy'> {
  checkName('step', name);
  return {
    path: name,
    compensateWhen: options.compensateWhen ?? 'attempted',
    policy: { forward: forwardPolicy(options), compensate: compensatePolicy(options) },
  };
}

/** The user's functions without their types: the builder checked them, the machine hands over what the journal holds. */
function erased<Node extends AttemptedNode>(options: {
  readonly execute?: unknown;
  readonly compensate?: unknown;
}): Pick<Node, Extract<keyof Node, 'execute' | 'compensate'>> {
  const { execute, compensate } = options;
  return { execute, compensate } as unknown as Pick<
    Node,
    Extract<keyof Node, 'execute' | 'compensate'>
  >;
}

/** `/` parts paths and keys. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

function checkName(what: 'saga' | 'step', name: string): void {
  if (NAME.test(name)) return;
  throw invalid(
    `'${name}' cannot be the name of a ${what}: up to 100 letters, digits, '.', '_' and '-', the first a letter or digit.`,
  );
}

function checkWhole(option: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw invalid(`The option ${option} is ${value}; it must be a whole number from 1.`);
}

function invalid(message: string): PotterError {
  return new PotterError('SAGA_DEFINITION_INVALID', {
    message,
    remedy: 'Change the definition; nothing was started.',
  });
}
