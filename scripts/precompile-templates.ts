import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Handlebars from 'handlebars';
import { isUtf8, normalised, templateFiles } from '../generators/engine/directory-templates.ts';
import { COMPILE_OPTIONS } from '../generators/engine/handlebars-environment.ts';
import { SHARED_CHUNK } from '../generators/engine/precompiled-templates.ts';

/** The source text of every chunk of the published package, by chunk name. */
export function precompileTemplates(
  root: string,
  examples: readonly string[],
): ReadonlyMap<string, string> {
  const chunks = new Map<string, string[]>([SHARED_CHUNK, ...examples].map((name) => [name, []]));
  for (const file of templateFiles(root)) {
    const folder = file.split('/', 1)[0] ?? '';
    const chunk = chunks.get(folder.startsWith('_') ? SHARED_CHUNK : folder);
    // Templates of examples that are not registered stay out of the package.
    if (chunk === undefined || !file.includes('/')) continue;
    chunk.push(
      `${JSON.stringify(file)}: ${packed(file, normalised(readFileSync(join(root, file))))}`,
    );
  }
  return new Map(
    [...chunks].map(([name, entries]) => [
      name,
      `module.exports = {\n${entries.join(',\n')}\n};\n`,
    ]),
  );
}

function packed(file: string, bytes: Buffer): string {
  if (!isUtf8(bytes)) return JSON.stringify({ base64: bytes.toString('base64') });
  const text = bytes.toString('utf8');
  if (!file.endsWith('.hbs') || !text.includes('{{')) return JSON.stringify(text);
  let code: unknown;
  try {
    code = Handlebars.precompile(text, COMPILE_OPTIONS);
  } catch (cause) {
    throw new Error(`templates/${file} does not compile`, { cause });
  }
  if (typeof code === 'string') return code;
  throw new TypeError(`Handlebars gave no code for templates/${file}`);
}
