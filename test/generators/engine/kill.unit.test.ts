import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generate } from '../../../generators/engine/generate.ts';
import { GeneratorError } from '../../../generators/engine/generator-error.ts';
import { FIXTURE_TEMPLATES, fixtureTemplates } from '../fixtures/examples.ts';
import { HARNESS_REQUEST } from '../support/harness-request.ts';
import { temporaryDirectory, treeOf } from '../support/temporary-directory.ts';

const home = temporaryDirectory();
const harness = join(home.path, 'harness.cjs');
const CONCURRENCY = 4;

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL('../support/kill-harness.ts', import.meta.url))],
    outfile: harness,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  });
});

afterAll(() => {
  home[Symbol.dispose]();
});

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function generateIn(cwd: string, directory: string, killAt: number): Promise<Ending> {
  const child = spawn(process.execPath, [harness, FIXTURE_TEMPLATES, directory, String(killAt)], {
    cwd,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}

type Tree = Readonly<Record<string, string>>;

/** `moving`: between the first and the last rename of a directory that has to stay; the journal is in place. */
type State = 'nothing' | 'everything' | 'moving';

interface Scenario {
  /** Makes what is there before; returns the working directory and the argument. */
  readonly prepare: (root: string) => { readonly cwd: string; readonly directory: string };
  /** Whether the target is renamed as a whole, so that no intermediate state exists at all. */
  readonly atOnce: boolean;
  readonly states: readonly State[];
  /** 1 = every point. */
  readonly stride: number;
}

const AT_ONCE = { atOnce: true, states: ['nothing', 'everything'] } as const;
const BY_JOURNAL = { atOnce: false, states: ['nothing', 'everything', 'moving'] } as const;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a new directory': {
    prepare: (root) => ({ cwd: root, directory: 'my-orders' }),
    ...AT_ONCE,
    stride: 1,
  },
  'a new directory below new directories': {
    prepare: (root) => ({ cwd: root, directory: 'a/b/my-orders' }),
    ...AT_ONCE,
    stride: 5,
  },
  'an empty directory': {
    prepare: (root) => {
      mkdirSync(join(root, 'my-orders'));
      return { cwd: root, directory: 'my-orders' };
    },
    ...(process.platform === 'win32' ? BY_JOURNAL : AT_ONCE),
    stride: 5,
  },
  'the empty directory in which the shell stands': {
    prepare: (root) => {
      mkdirSync(join(root, 'my-orders'));
      return { cwd: join(root, 'my-orders'), directory: '.' };
    },
    ...BY_JOURNAL,
    stride: 5,
  },
  'a repository with a readme and a workflow': {
    prepare: (root) => {
      const directory = join(root, 'my-orders');
      mkdirSync(join(directory, '.git'), { recursive: true });
      mkdirSync(join(directory, '.github', 'workflows'), { recursive: true });
      writeFileSync(join(directory, '.git', 'HEAD'), 'ref: refs/heads/main\n');
      writeFileSync(join(directory, '.github', 'workflows', 'mine.yml'), 'mine\n');
      writeFileSync(join(directory, 'README.md'), 'mine\n');
      return { cwd: root, directory: 'my-orders' };
    },
    ...BY_JOURNAL,
    stride: 1,
  },
};

test.each(Object.entries(SCENARIOS))(
  'killed with SIGKILL while writing into %s: nothing or everything is there, and the next run completes it without a trace',
  async (_name, scenario) => {
    const { before, after, points } = await undisturbed(scenario);
    expect(points).toBeGreaterThanOrEqual(50);

    const outcomes = await atEveryPoint(points, scenario.stride, async (point) => {
      using root = temporaryDirectory();
      const place = scenario.prepare(root.path);
      const killed = await generateIn(place.cwd, place.directory, point);
      const left = treeOf(root.path);
      const state = stateOf(withoutStaging(left), before, after);
      const traces = readdirSync(root.path).filter((name) => name.includes('potter-staging'));
      const next = generateAgain(place.cwd, place.directory);
      return {
        point,
        signal: killed.signal,
        state,
        traces: traces.length,
        next,
        tree: treeOf(root.path),
      };
    });

    for (const { point, signal, state, traces, next, tree } of outcomes) {
      expect(signal, `point ${point}`).toBe('SIGKILL');
      expect(scenario.states, `point ${point}`).toContain(state);
      // What is complete has no staging directory beside it and is left alone; everything else is completed.
      const isWhole = state === 'everything' && scenario.atOnce;
      expect(isWhole ? traces : 0, `point ${point}`).toBe(0);
      expect(isWhole ? ['TARGET_NOT_EMPTY'] : ['done', 'TARGET_NOT_EMPTY']).toContain(next);
      expect(tree, `point ${point}`).toEqual(after);
    }
    expect(outcomes.length).toBe(Math.ceil(points / scenario.stride));
  },
  120_000,
);

async function undisturbed(
  scenario: Scenario,
): Promise<{ before: Tree; after: Tree; points: number }> {
  using root = temporaryDirectory();
  const { cwd, directory } = scenario.prepare(root.path);
  const before = treeOf(root.path);
  const whole = await generateIn(cwd, directory, 0);
  expect(whole).toMatchObject({ code: 0, stderr: '' });
  return { before, after: treeOf(root.path), points: Number(whole.stdout) };
}

async function atEveryPoint<Outcome>(
  points: number,
  stride: number,
  probe: (point: number) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= points) {
      const point = next;
      next += stride;
      outcomes.push(await probe(point));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return outcomes;
}

function generateAgain(cwd: string, directory: string): string {
  try {
    generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd, directory });
    return 'done';
  } catch (error) {
    if (error instanceof GeneratorError) return error.code;
    throw error;
  }
}

function stateOf(tree: Tree, before: Tree, after: Tree): State {
  const text = JSON.stringify(tree);
  if (text === JSON.stringify(before)) return 'nothing';
  return text === JSON.stringify(after) ? 'everything' : 'moving';
}

function withoutStaging(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).filter(([path]) => !path.includes('.potter-staging')),
  );
}
