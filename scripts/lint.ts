/**
 * Lints everything and fails when nothing was looked at: a linter that finds no files is green for the wrong reason.
 * `npm run lint`
 */
import { spawnSync } from 'node:child_process';

const FOLDERS = ['runtime/src', 'generators', 'scripts', 'test', 'vitest.config.ts'];
/** Far below the true number; only there to notice a glob that went wrong. */
const FEWEST_FILES = 300;

const run = spawnSync('oxlint', ['--type-aware', '--deny-warnings', ...FOLDERS], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.stdout.write(run.stdout);
const files = Number(/ on (\d+) files/.exec(run.stdout)?.[1] ?? 0);
if (run.status === 0 && files < FEWEST_FILES) {
  console.error(
    `lint looked at ${files} files, expected at least ${FEWEST_FILES}: check FOLDERS in scripts/lint.ts`,
  );
  process.exit(1);
}
process.exit(run.status ?? 1);
