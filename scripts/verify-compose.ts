/**
 * `npm run verify:compose [-- example…]`: each checked-in example's service tests on its own compose services.
 * Needs a Docker engine that answers; says so in one line when there is none.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES } from '../generators/examples/registry.ts';
import { CHECKOUT } from './checkout.ts';
import { chosenExamples } from './chosen-examples.ts';

const engine = spawnSync('docker', ['info'], { encoding: 'utf8' });
if (engine.status !== 0) {
  const why = engine.error?.message ?? engine.stderr.trim().split('\n').at(-1) ?? 'no answer';
  console.error(`verify:compose needs a running Docker engine, and none answers: ${why}`);
  process.exit(1);
}

let passed = 0;
const failed: string[] = [];
for (const { name } of chosenExamples(process.argv.slice(2), EXAMPLES)) {
  const folder = join(CHECKOUT, 'generated-examples', name);
  if (!existsSync(join(folder, 'compose.yaml'))) continue;
  console.log(`\n${name}`);
  const run = spawnSync('npm', ['run', 'test:compose'], { cwd: folder, stdio: 'inherit' });
  if (run.status === 0) passed += 1;
  else failed.push(name);
}
console.log(
  `\n${passed} passed, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(', ')}` : ''}`,
);
process.exit(failed.length === 0 && passed > 0 ? 0 : 1);
