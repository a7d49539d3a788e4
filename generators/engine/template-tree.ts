import { GeneratorError } from './generator-error.ts';
import { assertNoCollisions, assertOutputPath, outputPathOf } from './output-path.ts';
import type { TemplateSetRequest } from './template-set.ts';

/** Applied to every example, before the overlays of its features. */
export const BASE_OVERLAY = 'base';
export const OVERLAYS_FOLDER = '_overlays';
export const PARTIALS_FOLDER = '_partials';

/** A template file that has found its place in the project. */
export interface PlacedTemplate {
  /** Path below `templates/`, with `/`. */
  readonly file: string;
  readonly output: string;
}

/**
 * Which template files make an example: its own folder and the overlays of its features. Pure; `files` are the paths
 * below `templates/` in any order, so the disk's order cannot matter.
 */
export function placeTemplates(
  files: readonly string[],
  example: TemplateSetRequest,
): readonly PlacedTemplate[] {
  const overrides = new Set(example.overrides);
  const placed = new Map<string, PlacedTemplate>();
  const folders = [BASE_OVERLAY, ...example.features]
    .map((feature) => `${OVERLAYS_FOLDER}/${feature}/`)
    .concat(`${example.name}/`);
  const own = folders.at(-1);
  const used = new Set<string>();

  for (const folder of folders) {
    for (const file of files) {
      if (!file.startsWith(folder)) continue;
      const output = outputPathOf(file.slice(folder.length));
      assertOutputPath(output);
      const earlier = placed.get(output);
      if (earlier !== undefined) {
        if (folder !== own || !overrides.has(output))
          throw twoOwners(example, output, earlier.file, file);
        used.add(output);
      }
      placed.set(output, { file, output });
    }
  }
  for (const override of overrides) {
    if (used.has(override)) continue;
    throw new GeneratorError('TEMPLATE_INVALID', {
      message: `example ${example.name} declares the override ${override}, but overrides nothing there`,
      details: { example: example.name, path: override },
    });
  }
  const result = [...placed.values()].sort((a, b) => compareText(a.output, b.output));
  if (!result.some((template) => template.file.startsWith(`${example.name}/`))) {
    throw new GeneratorError('TEMPLATE_INVALID', {
      message: `example ${example.name} has no templates`,
      hint: `Write some under templates/${example.name}/ or take it out of generators/examples/registry.ts.`,
    });
  }
  assertNoCollisions(result.map((template) => template.output));
  return result;
}

/** Order by UTF-16 code unit: the same in every locale. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function twoOwners(
  example: TemplateSetRequest,
  output: string,
  first: string,
  second: string,
): GeneratorError {
  return new GeneratorError('TEMPLATE_INVALID', {
    message: `${output} of ${example.name} has two templates: templates/${first} and templates/${second}`,
    hint: `Remove one, or list '${output}' under overrides in generators/examples/${example.name}.ts.`,
    details: { path: output, templates: [first, second] },
  });
}
