import { type Duration, durationMs } from '../../foundation/duration.ts';
import type { AlreadyDoneNode } from '../nodes/already-done.ts';
import type { ChildNode } from '../nodes/child.ts';
import { handlerOf, isAttempted } from '../nodes/handlers.ts';
import type { AttemptedNode, SagaNode } from '../nodes/node.ts';
import type { SequenceNode } from '../nodes/sequence.ts';
import type { StepNode } from '../nodes/step.ts';
import type { TransactionalStepNode } from '../nodes/transactional-step.ts';
import { type TwoPhaseNode, type TwoPhaseWork, twoPhaseWork } from '../nodes/two-phase-commit.ts';
import { ChoiceCases, type ErasedCases } from './choice-cases.ts';
import { definitionHash } from './definition-hash.ts';
import { definitionLimits } from './limits.ts';
import type { StartContext } from './lock-keys.ts';
import { migrationsOf } from './migrations.ts';
import { checkName, invalidDefinition } from './names.ts';
import type {
  ChildOptions,
  ChoiceOptions,
  ParallelOptions,
  SignalOptions,
  TwoPhaseCommitOptions,
} from './node-options.ts';
import type { SagaDefinition, SagaOptions } from './saga-definition.ts';
import type { Signal } from './signal.ts';
import type { DecideContext } from './step-context.ts';
import {
  type AlreadyDoneOptions,
  compensatePolicy,
  forwardPolicy,
  type StepPolicy,
} from './step-options.ts';

type Context = DecideContext<unknown, unknown>;
type Branch = (branch: GraphBuilder) => GraphBuilder;

/** Options of a step without the types that only its author's compiler knew. */
interface ErasedStep extends StepPolicy {
  readonly execute: unknown;
  readonly compensate?: unknown;
}

/**
 * What stands behind every builder: nodes in a row, and what may be added to them. Its methods take what the typed builders
 * let through; the types of results are gone by then. Never changed: each call makes a new one.
 */
export class GraphBuilder {
  readonly #saga: string;
  readonly #options: SagaOptions<unknown>;
  readonly nodes: readonly SagaNode[];

  constructor(sagaName: string, options: SagaOptions<unknown>, nodes: readonly SagaNode[] = []) {
    this.#saga = sagaName;
    this.#options = options;
    this.nodes = nodes;
  }

  alreadyDone(name: string, options: AlreadyDoneOptions<unknown, unknown>): GraphBuilder {
    if (this.nodes.some(({ kind }) => kind !== 'already-done')) {
      throw invalidDefinition(
        `Saga '${this.#saga}' names '${name}' as already done after its first step.`,
      );
    }
    const { compensate } = options;
    const node = { ...attempted(name, options), kind: 'already-done', compensate };
    return this.#with(node as AlreadyDoneNode);
  }

  step(name: string, options: ErasedStep): GraphBuilder {
    return this.#with(stepNode(name, options));
  }

  transactionalStep(name: string, options: ErasedStep): GraphBuilder {
    return this.#with(transactionalStepNode(name, options));
  }

  pivot(name: string, options: ErasedStep): GraphBuilder {
    return this.#with({ ...stepNode(name, options), pivot: true });
  }

  transactionalPivot(name: string, options: ErasedStep): GraphBuilder {
    return this.#with({ ...transactionalStepNode(name, options), pivot: true });
  }

  parallel(
    name: string,
    branches: (parallel: ParallelBranches) => ParallelBranches,
    options: ParallelOptions = {},
  ): GraphBuilder {
    checkName('step', name);
    const made = branches(new ParallelBranches((build) => this.#branch(build), [])).branches;
    if (made.length < 2)
      throw invalidDefinition(`'${name}' has ${made.length} branches; it needs two.`);
    const undo = options.undo ?? 'reverse';
    return this.#with({ kind: 'parallel', path: name, branches: made, undo });
  }

  when(
    name: string,
    condition: (context: Context) => boolean,
    branch: Branch,
    options: ChoiceOptions = {},
  ): GraphBuilder {
    const cases = this.#cases().when(name, condition, branch);
    const reason = (): string => options.skipped ?? `The condition '${name}' did not hold.`;
    return this.#choice(name, cases, reason);
  }

  choose(
    name: string,
    cases: (choice: ErasedCases) => ErasedCases,
    options: ChoiceOptions = {},
  ): GraphBuilder {
    const made = cases(this.#cases());
    const reason = (skipped: string): string =>
      options.skipped ?? `Another way than '${skipped}' was taken at '${name}'.`;
    return this.#choice(name, made, reason);
  }

  switch(
    name: string,
    value: (context: Context) => string,
    cases: (choice: ErasedCases) => ErasedCases,
    options: ChoiceOptions = {},
  ): GraphBuilder {
    const made = cases(this.#cases(value));
    const reason = (skipped: string): string =>
      options.skipped ?? `The value of '${name}' was not '${skipped}'.`;
    return this.#choice(name, made, reason);
  }

  sleep(name: string, delay: Duration | ((context: Context) => Duration | Date)): GraphBuilder {
    checkName('step', name);
    const fixedMs = typeof delay === 'function' ? 0 : durationMs(delay);
    const until = (context: Context, now: Date): Date => {
      const asked = typeof delay === 'function' ? delay(context) : fixedMs;
      return asked instanceof Date ? asked : new Date(now.getTime() + durationMs(asked));
    };
    return this.#with({ kind: 'timer', path: name, until });
  }

  waitFor(
    name: string,
    { name: signal }: Signal<unknown>,
    options: SignalOptions<'fail' | 'continue'> = {},
  ): GraphBuilder {
    checkName('step', name);
    const { timeout, onTimeout = 'fail' } = options;
    const timeoutMs = timeout === undefined ? null : durationMs(timeout);
    return this.#with({ kind: 'signal', path: name, signal, timeoutMs, onTimeout });
  }

  child(
    name: string,
    definition: SagaDefinition<unknown, never>,
    options: ChildOptions<unknown, unknown, unknown>,
  ): GraphBuilder {
    const node: ChildNode = {
      ...attempted(name, options),
      kind: 'child',
      definition,
      input: options.input,
      compensate: () => undefined,
    };
    return this.#with(node);
  }

  twoPhaseCommit(name: string, options: TwoPhaseCommitOptions<unknown, unknown>): GraphBuilder {
    const { coordinator, branches, compensate } = options;
    const work = { coordinator, branches, compensate } as TwoPhaseWork;
    const node: TwoPhaseNode = {
      ...attempted(name, options),
      kind: 'two-phase-commit',
      ...twoPhaseWork(work),
    };
    return this.#with(node);
  }

  build(): SagaDefinition {
    const options = this.#options;
    if (this.nodes.every(({ kind }) => kind === 'already-done')) {
      throw invalidDefinition(`Saga '${this.#saga}' has no steps.`);
    }
    const root: SequenceNode = { kind: 'sequence', path: '', children: this.nodes };
    const all = [...everyNode(this.nodes)];
    const nodes = new Map(all.map((node) => [node.path, node]));
    const { version = 1 } = options;
    const attemptedNodes = all.filter(isAttempted);
    return Object.freeze({
      name: this.#saga,
      version,
      hash: definitionHash(this.#saga, root),
      root,
      nodes,
      attempted: new Map(attemptedNodes.map((node) => [node.path, node])),
      pivot: attemptedNodes.find(({ pivot }) => pivot)?.path ?? null,
      isParallel: all.some(({ kind }) => kind === 'parallel'),
      timeoutMs: options.timeout === undefined ? null : durationMs(options.timeout),
      snapshotEvery: options.snapshotEvery ?? 50,
      onDefect: options.onDefect ?? 'pause',
      onCompensationFailure: options.onCompensationFailure ?? 'pause',
      maxInterruptions: options.maxInterruptions ?? 10,
      parseInput: options.parseInput ?? null,
      migrateFrom: migrationsOf(this.#saga, version, options.migrateFrom ?? {}, nodes),
      limits: options.limits === undefined ? null : definitionLimits(options.limits),
      lock:
        options.lock === undefined
          ? null
          : (start: StartContext<unknown>) => options.lock?.(start) ?? [],
    });
  }

  #cases(value?: (context: Context) => string): ErasedCases {
    return new ChoiceCases((build) => this.#branch(build), value);
  }

  #choice(name: string, cases: ErasedCases, reason: (skipped: string) => string): GraphBuilder {
    checkName('step', name);
    return this.#with({ kind: 'choice', path: name, ...cases.finished(name), reason });
  }

  #branch(build: Branch): SequenceNode {
    const children = build(new GraphBuilder(this.#saga, this.#options)).nodes;
    if (children.length === 0)
      throw invalidDefinition(`A branch of saga '${this.#saga}' has no steps.`);
    return Object.freeze({ kind: 'sequence', path: '', children });
  }

  #with(node: SagaNode): GraphBuilder {
    const taken = new Set([...everyNode(this.nodes)].map(({ path }) => path));
    for (const { path } of everyNode([node])) {
      if (taken.has(path)) {
        throw invalidDefinition(`Saga '${this.#saga}' has two steps named '${path}'.`);
      }
      taken.add(path);
    }
    return new GraphBuilder(this.#saga, this.#options, [...this.nodes, Object.freeze(node)]);
  }
}

/** The branches of a parallel node, as they are added. */
export class ParallelBranches {
  readonly branches: readonly SequenceNode[];
  readonly #branch: (build: Branch) => SequenceNode;

  constructor(branch: (build: Branch) => SequenceNode, branches: readonly SequenceNode[]) {
    this.#branch = branch;
    this.branches = branches;
  }

  step(name: string, options: ErasedStep): ParallelBranches {
    return this.branch((branch) => branch.step(name, options));
  }

  transactionalStep(name: string, options: ErasedStep): ParallelBranches {
    return this.branch((branch) => branch.transactionalStep(name, options));
  }

  branch(build: Branch): ParallelBranches {
    return new ParallelBranches(this.#branch, [...this.branches, this.#branch(build)]);
  }
}

/** Nodes with a name, those under them included. */
function* everyNode(nodes: readonly SagaNode[]): Generator<SagaNode, void, undefined> {
  for (const node of nodes) {
    if (node.kind !== 'sequence') yield node;
    yield* everyNode(handlerOf(node).children(node));
  }
}

function attempted(
  name: string,
  options: StepPolicy,
): Pick<AttemptedNode, 'path' | 'compensateWhen' | 'policy' | 'pivot'> {
  checkName('step', name);
  return {
    path: name,
    compensateWhen: options.compensateWhen ?? 'attempted',
    pivot: false,
    policy: { forward: forwardPolicy(options), compensate: compensatePolicy(options) },
  };
}

function stepNode(name: string, options: ErasedStep): StepNode {
  const { execute, compensate } = options;
  return { ...attempted(name, options), kind: 'step', execute, compensate } as StepNode;
}

function transactionalStepNode(name: string, options: ErasedStep): TransactionalStepNode {
  const { execute, compensate } = options;
  const node = { ...attempted(name, options), kind: 'transactional-step', execute, compensate };
  return node as TransactionalStepNode;
}
