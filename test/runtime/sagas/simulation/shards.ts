import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '../../../..');
/** Inside the project, so that packages are found from there. */
const bundle = join(root, 'node_modules/.cache/potter-tests', `simulation-${process.pid}.mjs`);

/** Simulates seeds in processes of their own, at the same time. @returns a line for each that broke a rule. */
export async function simulateEverywhere(
  seeds: number,
  shards: number,
): Promise<readonly string[]> {
  const names = ['errors', 'foundation', 'sagas', 'testing'];
  await build({
    entryPoints: [join(import.meta.dirname, 'shard.program.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    alias: Object.fromEntries(
      names.map((name) => [`potter-runtime/${name}`, join(root, `runtime/src/${name}/index.ts`)]),
    ),
    logLevel: 'silent',
  });
  const each = Math.ceil(seeds / shards);
  const found = await Promise.all(
    Array.from({ length: shards }, (_, n) => shard(n * each + 1, Math.min(seeds, (n + 1) * each))),
  );
  return found.flat();
}

async function shard(from: number, to: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [bundle], {
    env: { ...process.env, FROM: String(from), TO: String(to) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await once(child, 'close');
  const expected = `done ${Math.max(0, to - from + 1)}`;
  return lines.at(-1) === expected
    ? lines.slice(0, -1)
    : [...lines, `seeds ${from} to ${to} ended early`];
}
