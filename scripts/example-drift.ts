import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { checkoutFacts } from '../generators/cli/checkout-facts.ts';
import { BASE_SNAPSHOT_PATH, unpackBaseSnapshot } from '../generators/engine/base-snapshot.ts';
import { DirectoryTemplates } from '../generators/engine/directory-templates.ts';
import { renderProject } from '../generators/engine/project.ts';
import type { ProjectFile } from '../generators/engine/render.ts';
import type { ExampleDefinition } from '../generators/examples/example-definition.ts';
import { CHECKOUT } from './checkout.ts';

/** One difference between a checked-in example and what its templates write. */
export interface Drift {
  readonly kind: 'missing' | 'different' | 'surplus';
  readonly path: string;
  readonly template: string | undefined;
  /** What the templates write; undefined for a surplus file. */
  readonly file: ProjectFile | undefined;
}

/** A checked-in example: named like its folder, with the runtime from the registry, which the workspace links. */
export function renderExample(
  example: ExampleDefinition,
  templates: string,
): readonly ProjectFile[] {
  const facts = checkoutFacts((path) => readFileSync(join(CHECKOUT, path), 'utf8'));
  return renderProject(new DirectoryTemplates(templates), {
    example,
    facts,
    options: {
      name: example.name,
      packageName: example.name,
      packageManager: 'npm',
      runtime: { spec: `^${facts.runtimeVersion}` },
    },
  });
}

/** Every difference between a folder and what the templates write into it. Installed and ignored files are not looked at. */
export function driftOf(
  example: ExampleDefinition,
  templates: string,
  directory: string,
): readonly Drift[] {
  const files = renderExample(example, templates);
  const drift: Drift[] = [];
  for (const file of files) {
    const path = join(directory, file.path);
    const entry = { path: file.path, template: file.template, file };
    if (!existsSync(path)) drift.push({ ...entry, kind: 'missing' });
    else if (!isWritten(file, path)) drift.push({ ...entry, kind: 'different' });
  }
  const expected = new Set(files.map((file) => file.path));
  for (const path of versionedFiles(directory)) {
    if (expected.has(path)) continue;
    drift.push({ kind: 'surplus', path, template: undefined, file: undefined });
  }
  return drift;
}

export function writeExample(directory: string, drift: readonly Drift[]): void {
  for (const { path, file } of drift) {
    const target = join(directory, path);
    if (file === undefined) {
      rmSync(target);
      continue;
    }
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, file.bytes);
    chmodSync(target, file.executable ? 0o755 : 0o644);
  }
}

function isWritten(file: ProjectFile, path: string): boolean {
  const bytes = readFileSync(path);
  const executable =
    process.platform === 'win32' || ((statSync(path).mode & 0o100) !== 0) === file.executable;
  if (bytes.equals(file.bytes)) return executable;
  if (file.path !== BASE_SNAPSHOT_PATH) return false;
  // Another zlib packs the same text into other bytes; only the text counts.
  return (
    JSON.stringify(unpackBaseSnapshot(bytes)) === JSON.stringify(unpackBaseSnapshot(file.bytes))
  );
}

/** What git has or would take: not `node_modules`, `dist`, or a database. */
function versionedFiles(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '.'];
  const listing = spawnSync('git', words, { cwd: directory, encoding: 'utf8' });
  if (listing.status !== 0)
    throw new Error(`git ls-files failed in ${directory}: ${listing.stderr}`);
  return listing.stdout
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(directory, path)));
}
