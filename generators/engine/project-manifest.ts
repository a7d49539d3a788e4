import { createHash } from 'node:crypto';
import type { ProjectFile } from './render.ts';
import type { GenerationOptions, GeneratorFacts } from './template-data.ts';

export const MANIFEST_PATH = '.potter/manifest.json';

/** What a project remembers of its making: `.potter/manifest.json`. No time and no path of a machine in it. */
export interface ProjectManifest {
  readonly schemaVersion: 1;
  readonly generator: { readonly name: 'create-potter-example'; readonly version: string };
  readonly templateVersion: string;
  readonly example: string;
  readonly options: {
    readonly name: string;
    readonly packageName: string;
    readonly packageManager: string;
    readonly runtime: string;
  };
  readonly files: Readonly<Record<string, ManifestEntry>>;
}

export interface ManifestEntry {
  /** Of the bytes the generator wrote, in hex. */
  readonly sha256: string;
  /** Absent for files that have no template, such as a vendored tarball. */
  readonly template?: string;
}

export function describeProject(
  example: string,
  options: GenerationOptions,
  facts: GeneratorFacts,
  files: readonly ProjectFile[],
): ProjectManifest {
  return {
    schemaVersion: 1,
    generator: { name: 'create-potter-example', version: facts.generatorVersion },
    templateVersion: facts.generatorVersion,
    example,
    options: {
      name: options.name,
      packageName: options.packageName,
      packageManager: options.packageManager,
      runtime: options.runtime.spec,
    },
    files: Object.fromEntries(files.map((file) => [file.path, entryOf(file)])),
  };
}

function entryOf(file: ProjectFile): ManifestEntry {
  const hash = sha256(file.bytes);
  return file.template === undefined ? { sha256: hash } : { sha256: hash, template: file.template };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
