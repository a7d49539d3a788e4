import { GeneratorError } from './generator-error.ts';
import { strictData } from './strict-data.ts';
import type { Template, TemplateSet } from './template-set.ts';

/** One file of a project, in memory. */
export interface ProjectFile {
  /** Path in the project, with `/`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
  /** The template it was made from; undefined for what the engine adds itself. */
  readonly template: string | undefined;
}

/** Renders every template. Pure: the same templates and data give the same bytes on every machine. */
export function renderTemplates(set: TemplateSet, data: object): readonly ProjectFile[] {
  return set.templates.map((template) => {
    const bytes = contentOf(template, data);
    return {
      path: template.output,
      bytes,
      // '#!' at the start is what a shell looks for, too.
      executable: bytes[0] === 0x23 && bytes[1] === 0x21,
      template: template.source,
    };
  });
}

function contentOf(template: Template, data: object): Uint8Array {
  const { content } = template;
  if (content.kind === 'verbatim') return content.bytes;
  const file = { path: template.output, template: template.source };
  try {
    return Buffer.from(content.render(strictData({ ...data, file })), 'utf8');
  } catch (error) {
    throw new GeneratorError('TEMPLATE_INVALID', {
      message: `${template.source}: ${error instanceof Error ? error.message : String(error)}`,
      details: { template: template.source },
      cause: error,
    });
  }
}
