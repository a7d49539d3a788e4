import { PARTIALS_FOLDER } from './template-tree.ts';

/** `_partials/ts/banner.hbs` is the partial `ts/banner`; anything else is none. */
export function partialNameOf(file: string): string | undefined {
  const prefix = `${PARTIALS_FOLDER}/`;
  if (!file.startsWith(prefix) || !file.endsWith('.hbs')) return undefined;
  return file.slice(prefix.length, -'.hbs'.length);
}
