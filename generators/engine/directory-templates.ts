import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { COMPILE_OPTIONS, createHandlebars } from './handlebars-environment.ts';
import { partialNameOf } from './partial-name.ts';
import type { Template, TemplateContent, TemplateSet, TemplateSource } from './template-set.ts';
import { compareText, placeTemplates } from './template-tree.ts';

/** Templates straight from a folder, compiled on the fly: what the checkout and the tests use. */
export class DirectoryTemplates implements TemplateSource {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  load(example: Parameters<TemplateSource['load']>[0]): TemplateSet {
    const files = templateFiles(this.#root);
    const handlebars = createHandlebars();
    for (const file of files) {
      const name = partialNameOf(file);
      if (name !== undefined) handlebars.registerPartial(name, this.#text(file));
    }
    const templates = placeTemplates(files, example).map(({ file, output }): Template => {
      const content: TemplateContent = file.endsWith('.hbs')
        ? { kind: 'rendered', render: handlebars.compile(this.#text(file), COMPILE_OPTIONS) }
        : { kind: 'verbatim', bytes: normalised(readFileSync(join(this.#root, file))) };
      return { source: `templates/${file}`, output, content };
    });
    return { templates };
  }

  #text(file: string): string {
    return normalised(readFileSync(join(this.#root, file))).toString('utf8');
  }
}

/** All template files below a folder, with `/`, sorted. Folders named `node_modules` are not templates. */
export function templateFiles(root: string): readonly string[] {
  const found: string[] = [];
  const walk = (prefix: string): void => {
    for (const entry of readdirSync(join(root, prefix), { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === '.DS_Store') continue;
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) found.push(path);
    }
  };
  walk('');
  return found.sort(compareText);
}

/** Text gets LF, whatever a Windows checkout made of it; what is not UTF-8 stays as it is. */
export function normalised(bytes: Buffer): Buffer {
  if (!bytes.includes(0x0d) || !isUtf8(bytes)) return bytes;
  return Buffer.from(bytes.toString('utf8').replaceAll('\r\n', '\n'), 'utf8');
}

export function isUtf8(bytes: Buffer): boolean {
  return !bytes.includes(0) && Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);
}
