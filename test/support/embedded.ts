import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Embedded from '../../runtime/src/embedded/index.ts';
import { compiled } from './compiled-programs.ts';

const entry = resolve(import.meta.dirname, '../../runtime/src/embedded/index.ts');
const module = (await import(pathToFileURL(compiled(entry)).href)) as typeof Embedded;

/** The compiled one: it starts a compiled keeper, as the published package does. */
export const startEmbeddedPostgres: typeof Embedded.startEmbeddedPostgres =
  module.startEmbeddedPostgres;
