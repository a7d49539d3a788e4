import { PotterError } from '../../errors/potter-error.ts';
import type { DefinitionLimits } from '../definition/limits.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { DefinitionVersion } from '../saga-store.ts';

/** The definitions that a process can run, several versions of one included. */
export class DefinitionRegistry {
  readonly versions: readonly DefinitionVersion[];
  readonly #byVersion = new Map<string, SagaDefinition>();
  readonly #newest = new Map<string, number>();
  readonly #limits = new Map<string, DefinitionLimits>();

  constructor(definitions: readonly SagaDefinition<unknown, never>[]) {
    for (const definition of definitions) this.#add(definition);
    // Whoever can run a saga can run the sagas within it; several may have the same one.
    for (const child of definitions.flatMap(childrenOf)) {
      if (this.find(child.name, child.version) !== child) this.#add(child);
    }
    for (const { name, version, limits } of this.#byVersion.values()) {
      if (version < (this.#newest.get(name) ?? 0)) continue;
      this.#newest.set(name, version);
      if (limits) this.#limits.set(name, limits);
      else this.#limits.delete(name);
    }
    this.versions = [...this.#byVersion.values()]
      .flatMap(runnableVersions)
      .filter(isFirst)
      .map(({ name, version }) => {
        const limits = this.#limits.get(name);
        return { name, version, ...(limits && { limits }) };
      });
  }

  #add(definition: SagaDefinition<unknown, never>): void {
    const { name, version } = definition;
    if (this.find(name, version)) {
      throw new PotterError('SAGA_DEFINITION_INVALID', {
        message: `Two definitions of saga '${name}' have version ${version}.`,
        remedy:
          'Raise the version of the newer one and keep both until no saga of the older is under way.',
        details: { name, version },
      });
    }
    // What a definition needs of a transaction was checked where it was handed in; from here on nobody makes one up.
    this.#byVersion.set(key(name, version), definition as SagaDefinition);
  }

  /** The limits that hold for all versions of a definition: those of the newest. */
  limitsOf(name: string): DefinitionLimits | undefined {
    return this.#limits.get(name);
  }

  find(name: string, version: number): SagaDefinition | undefined {
    return this.#byVersion.get(key(name, version));
  }

  /**
   * The definition under which this process goes on with a saga of that version: its own, or else the newest that takes it
   * over. Undefined: this process leaves it alone.
   */
  runs(name: string, version: number): SagaDefinition | undefined {
    const own = this.find(name, version);
    if (own) return own;
    const heirs = [...this.#byVersion.values()].filter(
      (definition) => definition.name === name && definition.migrateFrom.has(version),
    );
    return heirs.toSorted((one, other) => other.version - one.version)[0];
  }

  /** @throws PotterError `SAGA_DEFINITION_UNKNOWN`. */
  get(name: string, version: number): SagaDefinition {
    const definition = this.runs(name, version);
    if (definition) return definition;
    throw new PotterError('SAGA_DEFINITION_UNKNOWN', {
      message: `This process has no version ${version} of saga '${name}'.`,
      remedy: 'Give that definition to createSagaEngine, beside its other versions.',
      details: { name, version },
    });
  }
}

/** A definition's own version, and those it takes over. */
function runnableVersions({
  name,
  version,
  migrateFrom,
}: SagaDefinition): readonly DefinitionVersion[] {
  return [version, ...migrateFrom.keys()].map((runnable) => ({ name, version: runnable }));
}

function isFirst(one: DefinitionVersion, at: number, all: readonly DefinitionVersion[]): boolean {
  return all.findIndex(({ name, version }) => name === one.name && version === one.version) === at;
}

function childrenOf(
  definition: SagaDefinition<unknown, never>,
): readonly SagaDefinition<unknown, never>[] {
  const children = [...definition.attempted.values()].filter((node) => node.kind === 'child');
  return children.flatMap(({ definition: child }) => [child, ...childrenOf(child)]);
}

function key(name: string, version: number): string {
  return `${name}@${version}`;
}
