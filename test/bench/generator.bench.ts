/**
 * Start-up and generation against `node -e 0`: CPU of the process, paired on the same machine,
 * median of seven. `npm run bench -- generator`
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXAMPLES } from '../../generators/examples/registry.ts';
import { buildCli } from '../../scripts/build-cli.ts';
import { FIXTURE_TEMPLATES } from '../generators/fixtures/examples.ts';

const ROUNDS = 7;
const MEBIBYTE_KIB = 1_024;
const work = mkdtempSync(join(tmpdir(), 'potter-bench-'));
const probe = join(work, 'probe.cjs');

/** At its end a process writes what it used. */
writeFileSync(
  probe,
  `process.on('exit', () => {
     const { user, system } = process.cpuUsage();
     require('fs').writeFileSync(process.env.POTTER_PROBE, JSON.stringify({ cpuUs: user + system, rssKiB: process.resourceUsage().maxRSS }));
   });`,
);

interface Usage {
  readonly cpuMs: number;
  readonly rssMiB: number;
  readonly wallMs: number;
}

/** What the probe weighs is the same on both sides of a pair. */
function measure(words: readonly string[], cwd: string): Usage {
  const report = join(work, 'usage.json');
  const { NODE_EXTRA_CA_CERTS: _unset, ...env } = process.env;
  const started = performance.now();
  const run = spawnSync(process.execPath, ['--require', probe, ...words], {
    cwd,
    env: { ...env, POTTER_PROBE: report, CI: '1' },
    encoding: 'utf8',
  });
  const wallMs = performance.now() - started;
  if (run.status !== 0)
    throw new Error(`${words.join(' ')} exited with ${String(run.status)}: ${run.stderr}`);
  const { cpuUs, rssKiB } = JSON.parse(readFileSync(report, 'utf8')) as {
    cpuUs: number;
    rssKiB: number;
  };
  return { cpuMs: cpuUs / 1_000, rssMiB: rssKiB / MEBIBYTE_KIB, wallMs };
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

interface Task {
  readonly name: string;
  readonly words: (target: string) => readonly string[];
  /** Times `node -e 0`; absent where a part is not ours to make fast. */
  readonly budgetRatio?: number;
  readonly budgetMiB?: number;
}

interface Row {
  readonly task: string;
  readonly cpuMs: number;
  readonly nodeMs: number;
  readonly ratio: number;
  readonly budgetRatio: number | null;
  readonly rssMiB: number;
  readonly wallMs: number;
  readonly withinBudget: boolean;
}

function compare(task: Task): Row {
  const pairs = Array.from({ length: ROUNDS }, (_, round) => {
    const cwd = join(work, `${task.name.replaceAll(/\W+/gu, '-')}-${round}`);
    mkdirSync(cwd);
    const bare = measure(['-e', '0'], cwd);
    const own = measure(task.words(join(cwd, 'my-orders')), cwd);
    return { bare, own, ratio: own.cpuMs / bare.cpuMs };
  });
  const ratio = median(pairs.map((pair) => pair.ratio));
  const rssMiB = median(pairs.map((pair) => pair.own.rssMiB));
  return {
    task: task.name,
    cpuMs: median(pairs.map((pair) => pair.own.cpuMs)),
    nodeMs: median(pairs.map((pair) => pair.bare.cpuMs)),
    ratio,
    budgetRatio: task.budgetRatio ?? null,
    rssMiB,
    wallMs: median(pairs.map((pair) => pair.own.wallMs)),
    withinBudget:
      ratio <= (task.budgetRatio ?? Number.POSITIVE_INFINITY) &&
      rssMiB <= (task.budgetMiB ?? Number.POSITIVE_INFINITY),
  };
}

try {
  const real = EXAMPLES.at(-1);
  const dist = join(work, 'dist');
  const registry = fileURLToPath(new URL('../generators/fixtures/registry.ts', import.meta.url));
  const examples = ['fixture-service', 'fixture-library'];
  await buildCli(
    real === undefined
      ? { outDirectory: dist, templates: FIXTURE_TEMPLATES, registry, examples }
      : { outDirectory: dist },
  );
  const example = real?.name ?? 'fixture-service';
  const cli = join(dist, 'create-potter-example.cjs');
  const start = { budgetRatio: 2, budgetMiB: 45 };
  const tasks: readonly Task[] = [
    { name: '--version', words: () => [cli, '--version'], ...start },
    { name: '--help', words: () => [cli, '--help'], ...start },
    { name: '--list', words: () => [cli, '--list'], ...start },
    {
      name: `${example} --dry-run`,
      words: (to) => [cli, example, to, '--dry-run'],
      budgetRatio: 3,
    },
    {
      name: `${example} --no-git`,
      words: (to) => [cli, example, to, '--no-install', '--no-git'],
      budgetRatio: 3,
    },
    // Three starts of git on top; git's own time is not in it.
    { name: `${example} with git`, words: (to) => [cli, example, to, '--no-install'] },
  ];
  const rows = tasks.map(compare);
  print(rows);
  process.exitCode = rows.every((row) => row.withinBudget) ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

function print(rows: readonly Row[]): void {
  const out = process.stdout;
  out.write(`generator, node ${process.version}, median of ${ROUNDS} pairs\n`);
  out.write(
    `${'task'.padEnd(52)} ${'CPU'.padStart(9)} ${'node -e 0'.padStart(10)} ${'ratio'.padStart(6)} ${'budget'.padStart(7)} ${'memory'.padStart(9)} ${'wall'.padStart(8)}\n`,
  );
  for (const row of rows) {
    const cells = [
      row.task.padEnd(52),
      `${row.cpuMs.toFixed(1)} ms`.padStart(9),
      `${row.nodeMs.toFixed(1)} ms`.padStart(10),
      `${row.ratio.toFixed(2)}x`.padStart(6),
      (row.budgetRatio === null ? '' : `${row.budgetRatio.toFixed(1)}x`).padStart(7),
      `${row.rssMiB.toFixed(1)} MiB`.padStart(9),
      `${row.wallMs.toFixed(0)} ms`.padStart(8),
      row.withinBudget ? '' : ' OVER BUDGET',
    ];
    out.write(`${cells.join(' ').trimEnd()}\n`);
  }
  out.write(
    `${JSON.stringify({ bench: 'generator', node: process.version, rounds: ROUNDS, rows })}\n`,
  );
}
