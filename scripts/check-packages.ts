/**
 * Looks at both packages as npm would publish them: publint for the manifest, are-the-types-wrong for every subpath's types.
 * `npm run check:packages` (builds first)
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'potter-check-'));

/** Runs a tool of this checkout; its own output says what is wrong. */
function run(command: string, args: readonly string[]): boolean {
  console.log(`$ ${command} ${args.join(' ')}`);
  return spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0;
}

function pack(packageFolder: string): string {
  const printed = execFileSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    {
      cwd: packageFolder,
      encoding: 'utf8',
    },
  );
  const [tarball] = JSON.parse(printed) as { filename: string }[];
  if (tarball === undefined) throw new Error(`npm pack printed no tarball for ${packageFolder}`);
  return join(folder, tarball.filename);
}

try {
  const ok = [
    run('npm', ['run', 'build']),
    run('npm', ['run', 'build:cli']),
    run('publint', ['run', '--strict', pack(join(root, 'runtime'))]),
    run('publint', ['run', '--strict', pack(root)]),
    run('attw', ['--profile', 'esm-only', pack(join(root, 'runtime'))]),
  ];
  process.exitCode = ok.every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
