import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildCli, type CliBuild } from './build-cli.ts';
import { CHECKOUT } from './checkout.ts';
import { runProgram } from './run-program.ts';

/**
 * Builds and packs create-potter-example as `npm publish` would, in a directory of its own: the checkout's `dist/` is neither
 * used nor touched.
 * @returns the absolute path of the tarball
 */
export async function packGenerator(work: string, build: Partial<CliBuild> = {}): Promise<string> {
  const stage = join(work, 'package');
  mkdirSync(stage, { recursive: true });
  await buildCli({ ...build, outDirectory: join(stage, 'dist') });
  for (const file of ['package.json', 'README.md', 'LICENSE']) {
    if (existsSync(join(CHECKOUT, file))) cpSync(join(CHECKOUT, file), join(stage, file));
  }
  const words = ['pack', '--silent', '--ignore-scripts', '--pack-destination', work];
  await runProgram('npm', words, { cwd: stage });
  const { version } = JSON.parse(readFileSync(join(stage, 'package.json'), 'utf8')) as {
    version: string;
  };
  const packed = readdirSync(work).find((name) => name === `create-potter-example-${version}.tgz`);
  if (packed === undefined)
    throw new Error(`npm pack left no create-potter-example-${version}.tgz in ${work}`);
  return join(work, packed);
}
