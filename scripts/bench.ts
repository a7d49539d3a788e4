/** Runs the benches of `test/bench`, one process each. `npm run bench [-- name…]`, e.g. `npm run bench -- sagas`. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../test/bench');
const known = readdirSync(folder)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.replace('.bench.ts', ''));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : known;
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no bench '${unknown.join("', '")}'; there are: ${known.join(', ')}`);
  process.exit(2);
}
// `potter-runtime/x` means what users get, in plain JavaScript: without `paths` it is found where npm put it.
const env = { ...process.env, TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json') };
for (const name of wanted) {
  const run = spawnSync(process.execPath, ['--import', 'tsx', join(folder, `${name}.bench.ts`)], {
    stdio: 'inherit',
    env,
  });
  if (run.status !== 0) process.exit(run.status ?? 1);
}
