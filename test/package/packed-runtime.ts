import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

interface PackageJson {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The runtime as npm would publish it, unpacked once, and clean folders to use it from. */
export interface PackedRuntime {
  readonly manifest: PackageJson;
  /** Files of the tarball, relative to the package. */
  readonly files: readonly string[];
  /** A folder whose node_modules holds the runtime and all its peers but those named. */
  consumer(without: readonly string[]): string;
  dispose(): void;
}

/** Packs `runtime/` (which must be built) and unpacks the tarball. */
export function packRuntime(): PackedRuntime {
  const folder = mkdtempSync(join(tmpdir(), 'potter-packed-'));
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: join(root, 'runtime'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [tarball] = JSON.parse(packed) as { filename: string; files: { path: string }[] }[];
  if (tarball === undefined) throw new Error('npm pack printed no tarball');
  execFileSync('tar', ['-xzf', join(folder, tarball.filename), '-C', folder]);
  const unpacked = join(folder, 'package');
  const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')) as PackageJson;
  let consumers = 0;
  return {
    manifest,
    files: tarball.files.map((file) => file.path),
    consumer(without) {
      const modules = join(folder, `consumer-${++consumers}`, 'node_modules');
      mkdirSync(modules, { recursive: true });
      cpSync(unpacked, join(modules, 'potter-runtime'), { recursive: true });
      const needed = { ...manifest.dependencies, ...manifest.peerDependencies };
      for (const name of Object.keys(needed).filter((name) => !without.includes(name))) {
        const target = [
          join(root, 'node_modules', name),
          join(root, 'runtime/node_modules', name),
        ].find(existsSync);
        if (target === undefined) throw new Error(`${name} is not installed in this checkout`);
        mkdirSync(dirname(join(modules, name)), { recursive: true });
        symlinkSync(target, join(modules, name));
      }
      return dirname(modules);
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
