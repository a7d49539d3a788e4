import type { ChoiceCase, ChoiceNode } from '../nodes/choice.ts';
import type { SequenceNode } from '../nodes/sequence.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { checkName, invalidDefinition } from './names.ts';
import type { DecideContext } from './step-context.ts';

type Context = DecideContext<unknown, unknown>;
type Branch = (branch: GraphBuilder) => GraphBuilder;
type Condition = (context: Context) => boolean;

/** A case, and when it is taken; null: when its name is the value. */
interface MadeCase extends ChoiceCase {
  readonly condition: Condition | null;
}

/** The name of the case that is taken when no other is. */
const OTHERWISE = 'otherwise';

/** The cases of a choice, as they are added: those of `choose` by condition, those of `switch` by value. */
export interface ErasedCases {
  when(name: string, condition: Condition, branch: Branch): ErasedCases;
  case(value: string, branch: Branch): ErasedCases;
  otherwise(branch: Branch): ErasedCases;
  /** @throws PotterError `SAGA_DEFINITION_INVALID` when there is none. */
  finished(choice: string): Pick<ChoiceNode, 'cases' | 'decide'>;
}

/** Never changed: each call makes a new one. */
export class ChoiceCases implements ErasedCases {
  readonly #branch: (build: Branch) => SequenceNode;
  readonly #value: ((context: Context) => string) | undefined;
  readonly #cases: readonly MadeCase[];

  constructor(
    branch: (build: Branch) => SequenceNode,
    value: ((context: Context) => string) | undefined,
    cases: readonly MadeCase[] = [],
  ) {
    this.#branch = branch;
    this.#value = value;
    this.#cases = cases;
  }

  when(name: string, condition: Condition, branch: Branch): ErasedCases {
    checkName('case', name);
    if (name === OTHERWISE)
      throw invalidDefinition(`'${OTHERWISE}' is the case without a condition.`);
    return this.#with(name, condition, branch);
  }

  case(value: string, branch: Branch): ErasedCases {
    checkName('case', value);
    if (value === OTHERWISE)
      throw invalidDefinition(`'${OTHERWISE}' is the case for all other values.`);
    return this.#with(value, null, branch);
  }

  otherwise(branch: Branch): ErasedCases {
    return this.#with(OTHERWISE, null, branch);
  }

  finished(choice: string): Pick<ChoiceNode, 'cases' | 'decide'> {
    const cases = this.#cases;
    if (cases.length === 0) throw invalidDefinition(`'${choice}' has no cases.`);
    const value = this.#value;
    const decide = (context: Context): string | null => {
      const wanted = value?.(context);
      const taken = cases.find(({ name, condition }) => condition?.(context) ?? name === wanted);
      return (taken ?? cases.find(isOtherwise))?.name ?? null;
    };
    return { cases: cases.map(({ name, branch }) => ({ name, branch })), decide };
  }

  #with(name: string, condition: Condition | null, build: Branch): ErasedCases {
    if (this.#cases.some((made) => made.name === name)) {
      throw invalidDefinition(`A choice has two cases named '${name}'.`);
    }
    if (this.#cases.some(isOtherwise)) {
      throw invalidDefinition(`The case '${name}' comes after the one for everything else.`);
    }
    const made = { name, condition, branch: this.#branch(build) };
    return new ChoiceCases(this.#branch, this.#value, [...this.#cases, made]);
  }
}

function isOtherwise({ name }: ChoiceCase): boolean {
  return name === OTHERWISE;
}
