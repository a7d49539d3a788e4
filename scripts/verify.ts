import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXAMPLES } from '../generators/examples/registry.ts';
import type { ExampleDefinition } from '../generators/examples/example-definition.ts';
import { chosenExamples } from './chosen-examples.ts';
import { packGenerator } from './pack-generator.ts';
import { packRuntime } from './pack-runtime.ts';
import { runProgram } from './run-program.ts';
import { SMOKE_REQUESTS } from './smoke-requests.ts';
import { strayAddresses } from './stray-addresses.ts';
import { processesLeftIn, startService, type StartedService } from './started-service.ts';

/**
 * `npm run verify [-- example…] [--keep]`: does with every example what a user does, outside the checkout and with the packed
 * tarballs of generator and runtime: generate, install, build, test, start on the embedded database, call, stop.
 */
const MINUTE_MS = 60_000;
const words = process.argv.slice(2);
const keep = words.includes('--keep');
const examples = chosenExamples(
  words.filter((word) => word !== '--keep'),
  EXAMPLES,
);
const work = realpathSync(mkdtempSync(join(tmpdir(), 'potter-verify-')));
// PostgreSQL's user, when root runs this, may enter: its data then lies in the project and goes with it.
chmodSync(work, 0o711);
const tally = { passed: 0, failed: 0, notRun: 0 };
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** What npm tells its scripts, and what would point a service at a database that is not its own. */
const env: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(?:npm_(?:lifecycle|package|command|execpath|node_execpath).*|npm_config_local_prefix|INIT_CWD|DATABASE_URL|MONGODB_URL|NATS_URL|PORT|HOST)$/iu.test(
        name,
      ),
  ),
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    rmSync(work, { recursive: true, force: true });
    process.exit(130);
  });
}

try {
  const tools = await step('pack', 'runtime and generator', prepareTools);
  for (const example of examples) {
    if (tools === undefined) tally.notRun += 1;
    else await verifyExample(example, tools);
  }
} finally {
  if (keep) say(`kept ${work}`);
  else rmSync(work, { recursive: true, force: true });
}
const notRun = tally.notRun === 0 ? '' : `, ${tally.notRun} not run`;
say(`${examples.length} examples: ${tally.passed} passed, ${tally.failed} failed${notRun}`);
process.exitCode = tally.failed === 0 && examples.length > 0 ? 0 : 1;

interface Tools {
  readonly generator: string;
  readonly runtime: string;
}

async function prepareTools(): Promise<Tools> {
  const runtime = await packRuntime();
  const generator = await packGenerator(join(work, 'pack'));
  const home = join(work, 'generator');
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{"private":true}\n');
  await npm(['install', '--offline', generator], home, MINUTE_MS);
  return { runtime, generator: join(home, 'node_modules', '.bin', 'create-potter-example') };
}

async function verifyExample(example: ExampleDefinition, tools: Tools): Promise<void> {
  const { name } = example;
  const directory = join(work, name);
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      'generate',
      () =>
        runProgram(
          tools.generator,
          [name, directory, '--runtime', tools.runtime, '--no-install', '--no-git'],
          { cwd: work, env },
        ),
    ],
    ['install', () => install(directory)],
    ['build', () => npm(['run', 'build'], directory, 2 * MINUTE_MS)],
    ['test', () => npm(['test'], directory, 10 * MINUTE_MS)],
    ['run', () => runAndCall(name, directory)],
  ];
  for (const [index, [title, work]] of steps.entries()) {
    const done = await step(name, title, async () => {
      await work();
      return true;
    });
    if (done === true) continue;
    tally.notRun += steps.length - index - 1;
    return;
  }
}

/** The lockfile that an owner commits has to serve everybody who clones. */
async function install(directory: string): Promise<void> {
  await npm(['install', '--no-audit', '--no-fund'], directory, 5 * MINUTE_MS);
  const stray = strayAddresses(readFileSync(join(directory, 'package-lock.json'), 'utf8'));
  if (stray.length === 0) return;
  throw new Error(`package-lock.json serves only this machine: ${stray.slice(0, 3).join(', ')}`);
}

/** Starts the service on its embedded database, asks it what it is asked first, and stops it without a trace. */
async function runAndCall(name: string, directory: string): Promise<void> {
  const requests = SMOKE_REQUESTS[name];
  if (requests === undefined)
    throw new Error(`scripts/smoke-requests.ts has no request for ${name}`);
  await using service = await startService(directory, 'dev', { ...env, PORT: '0' }, 2 * MINUTE_MS);
  await call(service, 'GET', '/health', undefined, 200);
  await call(service, 'GET', '/ready', undefined, 200);
  for (const { method, path, body, status } of requests)
    await call(service, method, path, body, status);
  const ending = await service.stop();
  // npm passes Ctrl-C on and then ends by it itself, however well the service ended.
  if (ending !== 0 && ending !== 130 && ending !== 'SIGINT')
    throw new Error(`the service ended with ${String(ending)} after Ctrl-C:\n${service.output()}`);
  const left = await processesLeftIn(directory, 10_000);
  if (left.length > 0) throw new Error(`still running after Ctrl-C:\n${left.join('\n')}`);
}

async function call(
  service: StartedService,
  method: string,
  path: string,
  body: object | undefined,
  status: number,
): Promise<void> {
  const response = await fetch(new URL(path, service.url), {
    method,
    signal: AbortSignal.timeout(10_000),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  if (response.status === status) return;
  throw new Error(
    `${method} ${path} answered ${response.status}, not ${status}: ${text}\n${service.output()}`,
  );
}

function npm(line: readonly string[], cwd: string, timeoutMs: number): Promise<string> {
  return runProgram('npm', line, { cwd, env, timeoutMs });
}

async function step<Value>(
  subject: string,
  title: string,
  work: () => Promise<Value>,
): Promise<Value | undefined> {
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1_000).toFixed(1)} s`;
  try {
    const value = await work();
    tally.passed += 1;
    say(`passed  ${subject}  ${title}  ${seconds()}`);
    return value;
  } catch (error) {
    tally.failed += 1;
    say(
      `FAILED  ${subject}  ${title}  ${seconds()}\n${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}
