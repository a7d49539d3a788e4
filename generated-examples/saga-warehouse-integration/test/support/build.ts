import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Writes `dist/` once a run: the tests start what `npm start` starts. The types are checked by `npm run build`. */
export default function setup(): void {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const compiler = [join(typescript, 'bin', 'tsc'), '-p', 'tsconfig.build.json', '--noCheck'];
  execFileSync(process.execPath, compiler, { stdio: 'inherit' });
}
