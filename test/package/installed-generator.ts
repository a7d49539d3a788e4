import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packGenerator } from '../../scripts/pack-generator.ts';
import { FIXTURE_TEMPLATES } from '../generators/fixtures/examples.ts';
import { runProcess } from '../generators/support/cli.ts';

const registry = fileURLToPath(new URL('../generators/fixtures/registry.ts', import.meta.url));

/** Packs the generator with its examples, or with the fixtures in their place. */
export function packedGenerator(work: string, kind: 'real' | 'fixture'): Promise<string> {
  const examples = ['fixture-service', 'fixture-library'];
  return packGenerator(
    work,
    kind === 'real' ? {} : { templates: FIXTURE_TEMPLATES, registry, examples },
  );
}

/** Installs a packed tarball into an empty project, as `npm create` would. */
export async function installGenerator(where: string, tarball: string): Promise<void> {
  mkdirSync(where, { recursive: true });
  writeFileSync(join(where, 'package.json'), '{"private":true}');
  const words = ['install', '--offline', '--no-audit', '--no-fund', tarball];
  const installed = await runProcess('npm', words, { cwd: where });
  if (installed.code !== 0) throw new Error(installed.stderr);
}

export const installedIn = (where: string): string =>
  join(where, 'node_modules', 'create-potter-example');
export const binaryIn = (where: string): string =>
  join(where, 'node_modules', '.bin', 'create-potter-example');
