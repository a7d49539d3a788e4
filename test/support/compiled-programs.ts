import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** See {@link compilePrograms}. */
    compiledRoot: string;
  }
}

const root = resolve(import.meta.dirname, '../..');

/** What only tests run in processes of their own. */
const PROGRAM = /\.script\.ts$|-program\.ts$/;

/**
 * Compiles the runtime's sources, and the programs that tests start, once a run and file by file, as the published
 * package has them: a process then starts in a third of the time that it takes when it compiles itself.
 * Inside `node_modules`, so that packages are found from there; of this run alone, because runs may overlap.
 */
export async function compilePrograms(): Promise<{
  readonly directory: string;
  remove(): Promise<void>;
}> {
  const directory = join(root, 'node_modules/.cache/potter-tests', `run-${process.pid}`);
  const sources = await typeScriptIn('runtime/src');
  const programs = await withImports(
    (await typeScriptIn('test')).filter((file) => PROGRAM.test(file)),
  );
  await mkdir(join(directory, 'runtime'), { recursive: true });
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await symlink(join(root, 'runtime/migrations'), join(directory, 'runtime/migrations'));
  await build({
    absWorkingDir: root,
    entryPoints: [...sources, ...programs],
    outdir: directory,
    outbase: root,
    bundle: true,
    plugins: [fileByFile],
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** Leaves every import where it is, under the compiled file's name. */
const fileByFile: Plugin = {
  name: 'file-by-file',
  setup: (compiler) => {
    compiler.onResolve({ filter: /^\.\.?\// }, ({ kind, path }) =>
      kind === 'entry-point' ? undefined : { path: compiledName(path), external: true },
    );
  },
};

async function typeScriptIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(join(root, folder), { recursive: true });
  return names.filter((name) => /(?<!\.d)\.ts$/.test(name)).map((name) => join(folder, name));
}

/** The files, and those of the tests that they import. */
async function withImports(files: readonly string[]): Promise<readonly string[]> {
  const found = new Set(files);
  for (const file of found) {
    const text = await readFile(join(root, file), 'utf8');
    for (const [, path = ''] of text.matchAll(/ from '(\.[^']+\.ts)'/g)) {
      const imported = join(dirname(file), path);
      if (imported.startsWith('test/')) found.add(imported);
    }
  }
  return [...found];
}

function compiledName(path: string): string {
  return path.replace(/\.ts$/, '.js');
}

/** Where this run has a source file compiled; `file` is absolute. */
export function compiled(file: string): string {
  return join(inject('compiledRoot'), compiledName(relative(root, file)));
}
