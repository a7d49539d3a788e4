import { PotterError } from '../../errors/potter-error.ts';
import type { SagaDefinition } from '../saga-definition.ts';
import type { DefinitionVersion } from '../saga-store.ts';

/** The definitions that a process can run, several versions of one included. */
export class DefinitionRegistry {
  readonly versions: readonly DefinitionVersion[];
  readonly #byVersion = new Map<string, SagaDefinition>();

  constructor(definitions: readonly SagaDefinition<unknown, never>[]) {
    for (const definition of definitions) {
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
    this.versions = definitions.map(({ name, version }) => ({ name, version }));
  }

  find(name: string, version: number): SagaDefinition | undefined {
    return this.#byVersion.get(key(name, version));
  }

  /** @throws PotterError `SAGA_DEFINITION_UNKNOWN`. */
  get(name: string, version: number): SagaDefinition {
    const definition = this.find(name, version);
    if (definition) return definition;
    throw new PotterError('SAGA_DEFINITION_UNKNOWN', {
      message: `This process has no version ${version} of saga '${name}'.`,
      remedy: 'Give that definition to createSagaEngine, beside its other versions.',
      details: { name, version },
    });
  }
}

function key(name: string, version: number): string {
  return `${name}@${version}`;
}
