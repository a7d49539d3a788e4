/**
 * `npm run demo`: creates examples, starts each on an embedded PostgreSQL, plays its story and stops it. What the README
 * promises a newcomer. The projects are written inside the checkout, where they find its packages: nothing is installed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from './checkout.ts';
import { runProgram } from './run-program.ts';

/** The order's saga first, the account's history last: the story grows simpler, and ends on a whole history. */
const EXAMPLES = ['saga-order', 'eventsourcing-basic'];
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

async function play(example: string): Promise<void> {
  const project = join(scratch, example);
  const began = performance.now();
  console.log(`\n━━ ${example} ${'━'.repeat(Math.max(0, 72 - example.length))}`);
  await runProgram(
    'npm',
    [
      'run',
      '--silent',
      'create',
      '--',
      example,
      project,
      '--yes',
      '--no-install',
      '--no-git',
      '--runtime',
      '^0.1.0',
    ],
    { cwd: CHECKOUT },
  );
  console.log(`created   ${project}`);
  const { child, url } = await start(project);
  console.log(`started   ${url} on an embedded PostgreSQL`);
  try {
    const story = spawn('npm', ['run', '--silent', 'demo'], {
      cwd: project,
      env: { ...process.env, PORT: new URL(url).port, URL: url },
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    });
    const code = await new Promise<number | null>((resolve) => story.once('exit', resolve));
    if (code !== 0) throw new Error(`the story of ${example} ended with ${code}`);
  } finally {
    await stop(child);
  }
  console.log(`\nstopped   after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
}

try {
  rmSync(scratch, { recursive: true, force: true });
  await runProgram('npm', ['run', 'build', '--workspace', 'runtime'], { cwd: CHECKOUT });
  for (const example of EXAMPLES) await play(example);
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
