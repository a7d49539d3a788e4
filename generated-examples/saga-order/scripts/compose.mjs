// @ts-check
// Starts and stops the services of compose.yaml, with Compose v2 (`docker compose`) and 1.29 (`docker-compose`) alike.
// Plain JavaScript, so that `make up` works before anything is installed.
//   node scripts/compose.mjs up     starts the services and waits until they are healthy
//   node scripts/compose.mjs down   stops them; their data stays
//   node scripts/compose.mjs test   the service tests against services of their own, on a free port, gone afterwards
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

const HEALTHY_WITHIN_MS = 120_000;

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** @param {readonly string[]} command @param {'inherit' | 'pipe'} output */
function run([program = '', ...words], output = 'inherit') {
  return spawnSync(program, words, { encoding: 'utf8', stdio: ['ignore', output, output] });
}

/** The command line of whichever Compose there is, once an engine answers. */
function findCompose() {
  const engine = run(['docker', 'info', '--format', '{{.ServerVersion}}'], 'pipe');
  if (engine.status !== 0)
    fail(
      'No Docker engine answers: start Docker, or use `npm run dev` and `npm test`, which need none.',
    );
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    if (run([...command, 'version'], 'pipe').status === 0) return command;
  }
  return fail('Docker is there, but neither `docker compose` nor `docker-compose` is.');
}

/** The ids of this project's containers. */
function containers() {
  return run([...compose, 'ps', '--quiet'], 'pipe')
    .stdout.split('\n')
    .filter(Boolean);
}

/** Compose 1.29 has no `up --wait`, so the health of every container is asked for. */
async function up() {
  if (run([...compose, 'up', '--detach']).status !== 0)
    fail('The services did not start; see above.');
  const started = containers();
  const deadline = Date.now() + HEALTHY_WITHIN_MS;
  for (;;) {
    const format = '{{.State.Status}} {{.State.Health.Status}}';
    const states = run(['docker', 'inspect', '--format', format, ...started], 'pipe').stdout.trim();
    if (states.split('\n').every((state) => state === 'running healthy')) return;
    if (/exited|unhealthy/.test(states) || Date.now() > deadline) {
      run([...compose, 'logs', '--tail=20']);
      fail('The services did not become healthy; their last words are above.');
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Where the database can be reached: Compose knows which port it published. */
function databaseUrl() {
  const address = run([...compose, 'port', 'postgres', '5432'], 'pipe').stdout.trim();
  return `postgres://postgres:postgres@${address}/postgres`;
}

/** Neither what `up` started is touched, nor what another checkout of the same name tests at the same time. */
function testProject() {
  const folder = process.cwd();
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '');
  return `test-${name}-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
}

async function test() {
  compose.push('--project-name', testProject());
  process.env['POSTGRES_PORT'] = '0';
  // Ctrl-C ends the tests; what was started for them has to go too.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
  process.on('exit', () => run([...compose, 'down', '--volumes']));
  await up();
  process.env['TEST_DATABASE_URL'] = databaseUrl();
  const vitest = join(
    dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
    'vitest.mjs',
  );
  process.exitCode = run([process.execPath, vitest, 'run', '--project', 'service']).status ?? 1;
}

const compose = findCompose();
const [, , task] = process.argv;
if (task === 'up') await up();
else if (task === 'down') process.exitCode = run([...compose, 'down']).status ?? 1;
else if (task === 'test') await test();
else fail('Use: node scripts/compose.mjs up | down | test');
