import type { ExampleDefinition } from '../examples/example-definition.ts';
import { FEATURES } from '../examples/features.ts';
import { packageManager, type PackageManagerName } from './package-managers.ts';
import type { ProjectName } from './project-name.ts';
import type { RuntimeSource } from './runtime-source.ts';

/** What a release of the generator knows about itself. */
export interface GeneratorFacts {
  readonly generatorVersion: string;
  /** The potter-runtime its templates are written against. */
  readonly runtimeVersion: string;
  readonly nodeEngines: string;
}

/** The user's answers, complete: nothing is asked or guessed after this. */
export interface GenerationOptions extends ProjectName {
  readonly packageManager: PackageManagerName;
  readonly runtime: RuntimeSource;
}

/** Major versions of Node.js that a project's CI covers; the middle one is what its image runs. */
const NODE_MAJORS = [20, 22, 24] as const;
const NODE_MAJOR = 22;

/** Everything a template can read; documented in templates/README.md. */
export function templateData(
  example: ExampleDefinition,
  options: GenerationOptions,
  facts: GeneratorFacts,
): object {
  return {
    name: options.name,
    packageName: options.packageName,
    example: example.name,
    title: example.title,
    summary: example.summary,
    templateVersion: facts.generatorVersion,
    runtimeVersion: facts.runtimeVersion,
    runtimeSpec: options.runtime.spec,
    runtimeVendored: options.runtime.tarball !== undefined,
    nodeEngines: facts.nodeEngines,
    nodeMajor: NODE_MAJOR,
    nodeMajors: NODE_MAJORS,
    packageManager: packageManager(options.packageManager),
    features: Object.fromEntries(
      FEATURES.map((feature) => [feature, example.features.includes(feature)]),
    ),
    data: example.data ?? {},
  };
}
