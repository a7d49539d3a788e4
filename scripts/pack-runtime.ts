import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKOUT } from './checkout.ts';
import { runProgram } from './run-program.ts';

const RUNTIME = join(CHECKOUT, 'runtime');
const CACHE = join(CHECKOUT, 'node_modules', '.cache', 'potter');

/**
 * Builds potter-runtime and packs it as `npm publish` would, away from `runtime/dist`, so that neither a stale build nor a
 * concurrent one gets in. The same sources give the same tarball from a cache.
 * @returns the absolute path of `potter-runtime-<version>.tgz`
 */
export async function packRuntime(): Promise<string> {
  const manifest = runtimeManifest();
  const home = join(CACHE, `runtime-${sourceHash()}`);
  const tarball = join(home, `potter-runtime-${manifest.version}.tgz`);
  if (existsSync(tarball)) return tarball;

  const work = mkdtempSync(join(tmpdir(), 'potter-pack-'));
  try {
    const stage = join(work, 'package');
    mkdirSync(stage);
    await build(join(stage, 'dist'));
    for (const entry of ['package.json', ...manifest.files]) {
      const from = join(RUNTIME, entry);
      if (entry !== 'dist' && existsSync(from))
        cpSync(from, join(stage, entry), { recursive: true });
    }
    await runProgram('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', work], {
      cwd: stage,
    });
    const packed = readdirSync(work).find((name) => name.endsWith('.tgz'));
    if (packed === undefined) throw new Error('npm pack wrote no tarball');
    mkdirSync(home, { recursive: true });
    cpSync(join(work, packed), `${tarball}.${process.pid}`);
    renameSync(`${tarball}.${process.pid}`, tarball);
    return tarball;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function build(outDirectory: string): Promise<void> {
  const compiler = join(CHECKOUT, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(RUNTIME, 'tsconfig.build.json');
  // Source maps would say where this checkout is, seen from the folder that is built in: a place on one machine.
  const maps = ['--sourceRoot', 'potter-runtime:///src/'];
  const words = [compiler, '-p', project, '--outDir', outDirectory, ...maps];
  await runProgram(process.execPath, words, { cwd: CHECKOUT });
}

interface RuntimeManifest {
  readonly version: string;
  readonly files: readonly string[];
}

function runtimeManifest(): RuntimeManifest {
  const value: unknown = JSON.parse(readFileSync(join(RUNTIME, 'package.json'), 'utf8'));
  if (isRuntimeManifest(value)) return value;
  throw new TypeError('runtime/package.json needs a version and a list of files');
}

function isRuntimeManifest(value: unknown): value is RuntimeManifest {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'version' in value &&
    typeof value.version === 'string' &&
    'files' in value &&
    Array.isArray(value.files)
  );
}

function sourceHash(): string {
  const hash = createHash('sha256').update(readFileSync(join(CHECKOUT, 'tsconfig.base.json')));
  const files = readdirSync(RUNTIME, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^(?:dist|node_modules)(?:$|[\\/])/u.test(name))
    .filter((name) => statSync(join(RUNTIME, name)).isFile())
    .sort();
  for (const name of files) hash.update(`\0${name}\0`).update(readFileSync(join(RUNTIME, name)));
  return hash.digest('hex').slice(0, 16);
}
