import { createHandlebars } from './handlebars-environment.ts';
import { partialNameOf } from './partial-name.ts';
import type { Template, TemplateContent, TemplateSet, TemplateSource } from './template-set.ts';
import { placeTemplates } from './template-tree.ts';

/** What Handlebars.precompile makes, evaluated. Opaque to everybody but Handlebars. */
export interface TemplateSpecification {
  readonly compiler: unknown;
  readonly main: unknown;
}

/** One template file of the bundle: text as it is, a compiled template, or bytes. */
export type PackedTemplate = string | TemplateSpecification | { readonly base64: string };

/** A file of the bundle: the templates below one folder, by their path below `templates/`. */
export type TemplateChunk = Readonly<Record<string, PackedTemplate>>;

/** Partials and overlays of all examples. Every other chunk is named after its example. */
export const SHARED_CHUNK = 'shared';

/** Templates compiled when the package was built: no compiler is loaded, and only the chunks of one example are read. */
export class PrecompiledTemplates implements TemplateSource {
  readonly #loadChunk: (name: string) => TemplateChunk;

  constructor(loadChunk: (name: string) => TemplateChunk) {
    this.#loadChunk = loadChunk;
  }

  load(example: Parameters<TemplateSource['load']>[0]): TemplateSet {
    const chunk = { ...this.#loadChunk(SHARED_CHUNK), ...this.#loadChunk(example.name) };
    const handlebars = createHandlebars();
    for (const [file, packed] of Object.entries(chunk)) {
      const name = partialNameOf(file);
      if (name === undefined) continue;
      if (isSpecification(packed)) handlebars.registerPartial(name, handlebars.template(packed));
      else if (typeof packed === 'string') handlebars.registerPartial(name, () => packed);
    }
    const contentOf = (packed: PackedTemplate | undefined): TemplateContent => {
      if (packed === undefined)
        throw new TypeError('a placed template comes from the chunk it was found in');
      if (typeof packed === 'string')
        return { kind: 'verbatim', bytes: Buffer.from(packed, 'utf8') };
      if (isSpecification(packed)) return { kind: 'rendered', render: handlebars.template(packed) };
      return { kind: 'verbatim', bytes: Buffer.from(packed.base64, 'base64') };
    };
    const templates = placeTemplates(Object.keys(chunk), example).map(
      ({ file, output }): Template => ({
        source: `templates/${file}`,
        output,
        content: contentOf(chunk[file]),
      }),
    );
    return { templates };
  }
}

function isSpecification(packed: PackedTemplate): packed is TemplateSpecification {
  return typeof packed === 'object' && 'main' in packed;
}
