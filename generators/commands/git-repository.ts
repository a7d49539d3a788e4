import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type GitOutcome =
  | { readonly kind: 'committed' }
  /** A repository without a commit, and why. */
  | { readonly kind: 'initialised'; readonly reason: string }
  /** Nothing was done: inside a repository already, or no git on this machine. */
  | { readonly kind: 'skipped' };

/** Makes a repository with a first commit. A missing git or a repository above is no failure, and hooks are not run. */
export function initialiseRepository(
  directory: string,
  env: NodeJS.ProcessEnv,
  message: string,
): GitOutcome {
  if (insideRepository(directory)) return { kind: 'skipped' };
  const git = gitIn(directory, env);
  // Git older than 2.28 does not know -b.
  const initialised = git('init', '-q', '-b', 'main') ?? git('init', '-q');
  if (initialised === undefined) return { kind: 'skipped' };
  const added = git('add', '--all');
  const committed =
    added === undefined
      ? undefined
      : git('commit', '-q', '--no-verify', '--no-gpg-sign', '-m', message);
  if (committed !== undefined) return { kind: 'committed' };
  const identity = git('config', 'user.email');
  const reason =
    identity === undefined
      ? 'git does not know your name yet (git config user.name, user.email)'
      : 'git commit failed';
  return { kind: 'initialised', reason };
}

function insideRepository(directory: string): boolean {
  let current = directory;
  while (!existsSync(join(current, '.git'))) {
    const parent = dirname(current);
    if (parent === current) return false;
    current = parent;
  }
  return true;
}

/** Runs git; the output on success, undefined on failure or where there is no git. */
function gitIn(
  directory: string,
  env: NodeJS.ProcessEnv,
): (...words: string[]) => string | undefined {
  // Set by hooks and by `git rebase --exec`; they would point git at another repository.
  const clean = Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^GIT_(?:DIR|WORK_TREE|INDEX_FILE|PREFIX)$/u.test(name),
    ),
  );
  return (...words) => {
    const result = spawnSync('git', words, { cwd: directory, env: clean, encoding: 'utf8' });
    return result.status === 0 ? result.stdout : undefined;
  };
}
