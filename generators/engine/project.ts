import type { ExampleDefinition } from '../examples/example-definition.ts';
import { BASE_SNAPSHOT_PATH, packBaseSnapshot } from './base-snapshot.ts';
import { GeneratorError } from './generator-error.ts';
import { assertNoCollisions, assertOutputPath } from './output-path.ts';
import { MANIFEST_PATH, describeProject } from './project-manifest.ts';
import { renderTemplates, type ProjectFile } from './render.ts';
import { templateData, type GenerationOptions, type GeneratorFacts } from './template-data.ts';
import { compareText } from './template-tree.ts';
import type { TemplateSource } from './template-set.ts';

export interface ProjectRequest {
  readonly example: ExampleDefinition;
  readonly options: GenerationOptions;
  readonly facts: GeneratorFacts;
}

/** The whole project in memory, sorted by path. Touches no disk besides the templates and knows no target. */
export function renderProject(
  source: TemplateSource,
  request: ProjectRequest,
): readonly ProjectFile[] {
  const { example, options, facts } = request;
  const rendered = renderTemplates(source.load(example), templateData(example, options, facts));
  const { tarball } = options.runtime;
  const vendored: readonly ProjectFile[] =
    tarball === undefined ? [] : [{ ...tarball, executable: false, template: undefined }];
  const contents = [...rendered, ...vendored].sort((a, b) => compareText(a.path, b.path));
  const manifest = describeProject(example.name, options, facts, contents);
  const all = [
    ...contents,
    engineFile(MANIFEST_PATH, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`, 'utf8')),
    engineFile(BASE_SNAPSHOT_PATH, packBaseSnapshot(rendered)),
  ].sort((a, b) => compareText(a.path, b.path));
  for (const file of all) assertOutputPath(file.path);
  assertNoCollisions(all.map((file) => file.path));
  assertLineFeeds(rendered);
  return all;
}

const engineFile = (path: string, bytes: Uint8Array): ProjectFile => ({
  path,
  bytes,
  executable: false,
  template: undefined,
});

/** A carriage return in data or a helper would give different bytes on different machines. */
function assertLineFeeds(files: readonly ProjectFile[]): void {
  for (const file of files) {
    if (file.bytes.includes(0) || !file.bytes.includes(0x0d)) continue;
    throw new GeneratorError('TEMPLATE_INVALID', {
      message: `${file.path} has a carriage return; generated text ends its lines with LF`,
      details: { path: file.path },
    });
  }
}
