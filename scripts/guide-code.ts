import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from './checkout.ts';

/** Where the code of the guide is, compiled and run. */
const SOURCE = 'test/runtime/guide/saga-guide.ts';

/** A guide with the code of every `<!-- code: region -->` put in anew from its source. */
export function withGuideCode(guide: string): string {
  const source = readFileSync(join(CHECKOUT, SOURCE), 'utf8');
  return guide.replaceAll(
    /(<!-- code: ([a-z-]+) -->\n\n```ts\n)[\s\S]*?(```)/g,
    (_block, head: string, name: string, end: string) => `${head}${regionOf(source, name)}${end}`,
  );
}

/** What stands between the marks of a region, moved to the left. */
function regionOf(source: string, name: string): string {
  const found = new RegExp(`^( *)// #region ${name}\\n([\\s\\S]*?)^ *// #endregion`, 'm').exec(
    source,
  );
  const [, indent = '', code] = found ?? [];
  if (code === undefined) throw new Error(`${SOURCE} has no region '${name}'.`);
  return code.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}
