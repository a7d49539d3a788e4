import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HELP_EXAMPLES } from '../../generators/cli/options.ts';
import { resultOf, runProcess, type Ending } from '../generators/support/cli.ts';
import { temporaryDirectory } from '../generators/support/temporary-directory.ts';
import { binaryIn, installGenerator, packedGenerator } from './installed-generator.ts';

const home = temporaryDirectory();
const fixture = join(home.path, 'fixture');
const OFFLINE = ['--no-install', '--no-git'];

beforeAll(async () => {
  await installGenerator(fixture, await packedGenerator(join(home.path, 'pack'), 'fixture'));
}, 120_000);

afterAll(() => {
  home[Symbol.dispose]();
});

/** An environment in which `npm` is a script of ours. */
function withNpm(folder: string, script: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: home.path };
}

function endOf(child: ChildProcess): Promise<Ending> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

describe('the install that it starts', () => {
  test('cannot ask anything, and what it says stays off stdout', async () => {
    using root = temporaryDirectory();
    // An install that could read would find the pipe that this test keeps open.
    const env = withNpm(root.path, 'if [ -p /dev/stdin ]; then echo may ask >&2; fi; echo noise');
    const words = ['fixture-service', 'x', '--no-git', '--json'];
    const child = spawn(binaryIn(fixture), words, { cwd: root.path, env });
    const said = await endOf(child);
    expect(resultOf(said.stdout)).toMatchObject({ ok: true, options: { install: true } });
    expect(said.stderr).toContain('noise');
    expect(said.stderr).not.toContain('may ask');
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends by %s, and that the project is there is said all the same',
    async (signal) => {
      using root = temporaryDirectory();
      const env = withNpm(root.path, 'echo begun >&2; exec sleep 600');
      const words = ['fixture-service', 'x', '--no-git', '--json'];
      const child = spawn(binaryIn(fixture), words, { cwd: root.path, env });
      child.stderr.on('data', (text: Buffer) => {
        if (text.toString().includes('begun')) child.kill(signal);
      });
      const said = await endOf(child);
      expect(said.code).toBe(5);
      expect(resultOf(said.stdout)).toMatchObject({
        ok: false,
        error: {
          code: 'INSTALL_FAILED',
          message: `the project is written, but 'npm install' was ended by ${signal}`,
        },
        next: ['cd x', 'npm install', 'npm run dev'],
      });
      expect(readdirSync(join(root.path, 'x'))).toContain('package.json');
    },
  );
});

test('a reader that goes away is no error: `… --list | head -n 1`', async () => {
  using root = temporaryDirectory();
  const line = `${binaryIn(fixture)} fixture-service x --dry-run --json; echo "code $?" >&2`;
  const child = spawn('sh', ['-c', `{ ${line}; } | true`], { cwd: root.path });
  const said = await endOf(child);
  expect(said).toEqual({ code: 0, stdout: '', stderr: expect.stringContaining('code 0') });
});

test('npm create needs no --, and fetches one package', async () => {
  using root = temporaryDirectory();
  const tarball = await packedGenerator(join(root.path, 'pack'), 'real');
  const bytes = readFileSync(tarball);
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const fetched: string[] = [];
  const registry = createServer((request, response) => {
    const path = request.url ?? '';
    fetched.push(path);
    if (path.endsWith('.tgz')) return response.end(bytes);
    if (path !== '/create-potter-example') return response.writeHead(404).end('{}');
    const dist = { tarball: `${address()}/create-potter-example.tgz`, integrity };
    const bin = { 'create-potter-example': 'dist/create-potter-example.cjs' };
    const version = { name: 'create-potter-example', version: '0.1.0', bin, dist };
    const answer = {
      name: version.name,
      'dist-tags': { latest: '0.1.0' },
      versions: { '0.1.0': version },
    };
    return response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  const address = (): string => {
    const at = registry.address();
    if (typeof at !== 'object' || at === null) throw new Error('the registry does not listen');
    return `http://127.0.0.1:${at.port}`;
  };
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  try {
    const env = {
      PATH: process.env['PATH'],
      HOME: root.path,
      npm_config_cache: join(root.path, 'cache'),
      npm_config_registry: address(),
      npm_config_yes: 'true',
      npm_config_audit: 'false',
      npm_config_update_notifier: 'false',
      // The install of the project is another test's: here it only has to be the user's npm that is asked.
      CI: '1',
    };
    const words = (HELP_EXAMPLES[0] ?? '').split(' ').slice(1);
    expect(words).toEqual(['create', 'potter-example', 'saga-order', 'my-orders']);
    const work = join(root.path, 'work');
    mkdirSync(work);
    const said = await runProcess('npm', words, { cwd: work, env });
    // The project's own dependencies are not in this registry: written, and then told how to go on.
    expect(said.code).toBe(5);
    expect(said.stderr).toContain("the project is written, but 'npm install' exited with");
    expect(readdirSync(work)).toEqual(['my-orders']);
    const before = fetched.slice(0, fetched.indexOf('/create-potter-example.tgz') + 1);
    expect(new Set(before)).toEqual(
      new Set(['/create-potter-example', '/create-potter-example.tgz']),
    );
  } finally {
    registry.closeAllConnections();
    registry.close();
  }
});

/** Runs the installed command in a pseudo-terminal and types, each time, once the expected text is there. */
async function inTerminal(
  words: readonly string[],
  cwd: string,
  typing: readonly (readonly [string, string])[],
  env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: home.path },
): Promise<Ending> {
  // The shell that `script` starts would hear Ctrl-C too, and end by it: it gives its place away.
  const line = ['exec', binaryIn(fixture), ...words].join(' ');
  // util-linux's `script` gives the command a terminal; -e passes its exit code on.
  const child = spawn('script', ['-qefc', line, '/dev/null'], {
    cwd,
    env: { ...env, TERM: 'xterm' },
  });
  const pending = [...typing];
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
    const [next] = pending;
    if (next === undefined || !seen.includes(next[0])) return;
    seen = '';
    pending.shift();
    child.stdin.write(next[1]);
  });
  return endOf(child);
}

// `script` with these options is util-linux's; macOS and Windows have none that behaves so.
describe.runIf(process.platform === 'linux')('in a real terminal', () => {
  test('example and directory are asked for and nothing else', async () => {
    using root = temporaryDirectory();
    const ending = await inTerminal(OFFLINE, root.path, [
      ['Which example?', '\r'],
      ['Into which directory?', 'asked\r'],
    ]);
    expect(ending.code).toBe(0);
    expect(ending.stdout).toContain('Wrote fixture-service to asked');
    expect(readdirSync(root.path)).toEqual(['asked']);
  });

  test.each([
    ['Ctrl-C', 'for the example', [['Which example?', '\u0003']]],
    ['Ctrl-D', 'for the example', [['Which example?', '\u0004']]],
    ['Escape', 'for the example', [['Which example?', '\u001B']]],
    [
      'Ctrl-C',
      'for the directory',
      [
        ['Which example?', '\r'],
        ['Into which directory?', '\u0003'],
      ],
    ],
    [
      'Ctrl-D',
      'for the directory',
      [
        ['Which example?', '\r'],
        ['Into which directory?', '\u0004'],
      ],
    ],
  ] as const)(
    '%s at the question %s leaves with 4, a sentence and nothing written',
    async (_key, _question, typing) => {
      using root = temporaryDirectory();
      const ending = await inTerminal(OFFLINE, root.path, typing);
      expect(ending.code).toBe(4);
      expect(ending.stdout).toContain('error: cancelled; nothing was written');
      expect(readdirSync(root.path)).toEqual([]);
    },
  );

  test('a directory that is typed is checked like one that is given', async () => {
    using root = temporaryDirectory();
    const ending = await inTerminal(OFFLINE, root.path, [
      ['Which example?', '\r'],
      ['Into which directory?', 'con\r'],
    ]);
    expect(ending.code).toBe(2);
    expect(ending.stdout).toContain('device name');
    expect(readdirSync(root.path)).toEqual([]);
  });

  test('Ctrl-C during the install leaves the project, with 5 and what to type', async () => {
    using root = temporaryDirectory();
    const env = withNpm(root.path, 'echo begun >&2; exec sleep 600');
    const words = ['fixture-service', 'x', '--no-git'];
    const ending = await inTerminal(words, root.path, [['begun', '\u0003']], env);
    expect(ending.code).toBe(5);
    expect(ending.stdout).toContain("'npm install' was ended by SIGINT");
    expect(ending.stdout).toMatch(/Next:\s+cd x\s+npm install\s+npm run dev/u);
  });
});
