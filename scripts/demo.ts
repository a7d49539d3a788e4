/**
 * `npm run demo`: creates examples, starts each on an embedded PostgreSQL, plays its story and stops it. What the README
 * promises a newcomer. The projects are written inside the checkout, where they find its packages: nothing is installed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeOutsideData } from '../runtime/src/embedded/outside-data.ts';
import { readSettings } from '../runtime/src/embedded/settings-file.ts';
import { CHECKOUT } from './checkout.ts';
import { runProgram } from './run-program.ts';

/** The order's saga first, the account's history last: the story grows simpler, and ends on a whole history. */
const EXAMPLES = ['saga-order', 'eventsourcing-basic'];
/** Written where the checkout's packages are found: there is nothing to install. */
const HERE = ['--yes', '--no-install', '--no-git', '--runtime', '^0.1.0'];
const START_TIMEOUT_MS = 60_000;
const scratch = join(CHECKOUT, '.potter', 'demo');

/** Starts `npm run dev` on any free port; gives back its address once it listens. */
async function start(
  project: string,
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = spawn('npm', ['run', '--silent', 'dev'], {
    cwd: project,
    env: { ...process.env, PORT: '0', DATABASE_URL: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let printed = '';
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`did not start in time:\n${printed}`)),
      START_TIMEOUT_MS,
    );
    const listen = (chunk: Buffer): void => {
      printed += chunk.toString();
      const address = /listening on (http:\/\/[^\s"]+)/.exec(printed)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code} before it listened:\n${printed}`));
    });
  });
  return { child, url };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

/** An example that runs and waits for its story. */
interface Running {
  readonly example: string;
  readonly project: string;
  readonly child: ChildProcess;
  readonly url: string;
}

async function createAndStart(example: string): Promise<Running> {
  const project = join(scratch, example);
  await runProgram('npm', ['run', '--silent', 'create', '--', example, project, ...HERE], {
    cwd: CHECKOUT,
  });
  return { example, project, ...(await start(project)) };
}

/** Where the database's user may not enter this checkout (root's home), the data lies elsewhere: it goes with the project. */
async function removeData(example: string): Promise<void> {
  const settings = await readSettings(join(scratch, example, '.potter'));
  if (settings?.dataDirectory !== undefined) await removeOutsideData(settings.dataDirectory);
}

async function play({ example, project, url }: Running): Promise<void> {
  console.log(`\n━━ ${example} ${'━'.repeat(Math.max(0, 72 - example.length))}`);
  console.log(`created   ${project}\nstarted   ${url} on an embedded PostgreSQL`);
  const story = spawn('npm', ['run', '--silent', 'demo'], {
    cwd: project,
    env: { ...process.env, PORT: new URL(url).port, URL: url },
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  const code = await new Promise<number | null>((resolve) => story.once('exit', resolve));
  if (code !== 0) throw new Error(`the story of ${example} ended with ${code}`);
}

const began = performance.now();
const starting: Promise<Running>[] = [];
try {
  rmSync(scratch, { recursive: true, force: true });
  await runProgram('npm', ['run', 'build', '--workspace', 'runtime'], { cwd: CHECKOUT });
  console.log('Creating and starting the examples …');
  starting.push(...EXAMPLES.map(createAndStart));
  for (const running of await Promise.all(starting)) await play(running);
  console.log(`\nBoth played in ${((performance.now() - began) / 1_000).toFixed(0)} s.`);
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  for (const outcome of await Promise.allSettled(starting)) {
    if (outcome.status === 'fulfilled') await stop(outcome.value.child);
  }
  await Promise.all(EXAMPLES.map(removeData));
  rmSync(scratch, { recursive: true, force: true });
}
