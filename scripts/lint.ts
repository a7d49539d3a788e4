/**
 * Lints everything and fails when nothing was looked at: a linter that finds no files is green for the wrong reason.
 * `npm run lint`
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const FOLDERS = ['runtime/src', 'generators', 'scripts', 'test', 'vitest.config.ts'];
/** Far below the true number; only there to notice a glob that went wrong. */
const FEWEST_FILES = 50;

const folders = FOLDERS.filter((folder) => existsSync(folder));
const args = ['--type-aware', '--deny-warnings', ...folders];
const shown = spawnSync('oxlint', args, { stdio: 'inherit' });
if (shown.status !== 0) process.exit(shown.status ?? 1);

const counted = spawnSync('oxlint', [...args, '--format', 'json'], { encoding: 'utf8' });
const files = (JSON.parse(counted.stdout) as { number_of_files: number }).number_of_files;
if (files < FEWEST_FILES) {
  console.error(
    `lint looked at ${files} files, expected at least ${FEWEST_FILES}: check FOLDERS in scripts/lint.ts`,
  );
  process.exit(1);
}
console.log(`linted ${files} files`);
