import { spawn, type ChildProcess } from 'node:child_process';
import { describeIoError } from '../engine/disk.ts';
import { GeneratorError } from '../engine/generator-error.ts';
import type { PackageManager } from '../engine/package-managers.ts';

/** Belongs to the package manager that started us, and would misdirect the one we start. */
const INHERITED =
  /^(?:npm_(?:lifecycle|package)_.*|npm_(?:command|execpath|node_execpath)|npm_config_(?:local_prefix|workspaces?|prefix)|INIT_CWD)$/iu;

/** What a terminal, a shell and an operator end a command with. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs the package manager's install in a project; its output goes to stderr as it comes. A signal ends the install, not us: the
 * project is there, and somebody has to say so, and in which state.
 */
export async function installDependencies(
  directory: string,
  manager: PackageManager,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const clean = Object.fromEntries(Object.entries(env).filter(([name]) => !INHERITED.test(name)));
  // Before there is a child: a signal that comes as it starts must not end us alone.
  let child: ChildProcess | undefined;
  const passOn = (signal: NodeJS.Signals): void => {
    child?.kill(signal);
  };
  for (const signal of ENDING) process.on(signal, passOn);
  let ending: number | string;
  try {
    child = spawn(manager.name, ['install'], {
      cwd: directory,
      env: clean,
      stdio: ['ignore', 2, 2],
      // On Windows package managers are .cmd files, which only a shell starts. No word here comes from the user.
      shell: process.platform === 'win32',
    });
    ending = await endOf(child);
  } finally {
    for (const signal of ENDING) process.off(signal, passOn);
  }
  if (ending === 0) return;
  const what = typeof ending === 'number' ? `exited with ${ending}` : ending;
  throw new GeneratorError('INSTALL_FAILED', {
    message: `the project is written, but '${manager.install}' ${what}`,
    hint: `Run '${manager.install}' in ${directory} again.`,
    details: { directory, command: manager.install },
  });
}

/** The exit code, or in words why there is none. */
function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(`could not be started: ${describeIoError(error)}`);
    });
    child.once('close', (code, signal) => {
      resolve(code ?? `was ended by ${signal ?? 'a signal'}`);
    });
  });
}
