import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from 'potter-runtime/errors';
import { SERVICE_VARIABLES } from 'potter-runtime/http';
import { describe, expect, test } from 'vitest';
import { DirectoryTemplates } from '../../generators/engine/directory-templates.ts';
import { packageManager } from '../../generators/engine/package-managers.ts';
import { renderProject } from '../../generators/engine/project.ts';
import { EXAMPLES } from '../../generators/examples/registry.ts';
import type { ExampleDefinition } from '../../generators/examples/example-definition.ts';

const TEMPLATES = fileURLToPath(new URL('../../templates', import.meta.url));

/** Every text file that a user gets, by path. */
function filesOf(example: ExampleDefinition): ReadonlyMap<string, string> {
  const files = renderProject(new DirectoryTemplates(TEMPLATES), {
    example,
    options: {
      name: example.name,
      packageName: example.name,
      packageManager: packageManager('npm').name,
      runtime: { spec: '^0.1.0' },
    },
    facts: { generatorVersion: '0.1.0', runtimeVersion: '0.1.0', nodeEngines: '>=22' },
  });
  return new Map(files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString('utf8')]));
}

const found = (text: string, pattern: RegExp): string[] =>
  [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();

const rewritten = (json: string): string => JSON.stringify(JSON.parse(json));

/** Lines in code blocks and what stands between backticks: prose may say "make sure". */
const codeOf = (markdown: string): string =>
  [...markdown.matchAll(/```\w*\n([\s\S]*?)```|`([^`\n]+)`/g)]
    .map(([, block, span]) => block ?? span ?? '')
    .join('\n');

describe.each(EXAMPLES.map((example) => [example.name, example] as const))('%s', (_, example) => {
  const files = filesOf(example);
  const text = (path: string): string => {
    const content = files.get(path);
    if (content === undefined) throw new Error(`${example.name} has no ${path}`);
    return content;
  };
  const readme = text('README.md');
  const sources = [...files].filter(([path]) => /^src\/.*\.ts$/.test(path));

  test('its JSON files say nothing twice', () => {
    const json = [...files].filter(([path]) => /^[^.][^/]*\.json$/.test(path));
    expect(json.length).toBeGreaterThan(1);
    // Parsing keeps the last of two equal keys, so that writing it again is shorter.
    for (const [path, content] of json) {
      expect(content.replace(/\s/g, ''), path).toBe(rewritten(content).replace(/\s/g, ''));
    }
  });

  test('the README names every npm script, and no other', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    expect(found(codeOf(readme), /\bnpm run ([\w:-]+)/g)).toEqual(Object.keys(scripts).sort());
  });

  test('AGENTS.md names no npm script that is not there', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const named = found(codeOf(text('AGENTS.md')), /\bnpm run ([\w:-]+)/g);
    expect(named.length).toBeGreaterThan(0);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  test('make run becomes the service: a signal to make stops it in order, and leaves nobody behind', () => {
    const [recipe] = /^run:.*\n((?:\t.*\n)+)/m.exec(text('Makefile'))?.slice(1) ?? [];
    expect(recipe).toMatch(/^\t@\$\(WITH_DATABASE\) exec node .* dist\/main\.js\n$/);
  });

  test('the README names every make target, and no other', () => {
    const targets = found(text('Makefile'), /^([a-z][a-z-]*):/gm);
    expect(found(codeOf(readme), /\bmake ([a-z][a-z-]*)/g)).toEqual(targets);
  });

  test('README and .env.example name every variable that the service reads', () => {
    const own = /environment\(\{([^}]*)\}\)/.exec(text('src/main.ts'))?.[1] ?? '';
    const read = [...Object.keys(SERVICE_VARIABLES), ...found(own, /\b([A-Z][A-Z_]+):/g)];
    expect(read).toContain('DATABASE_URL');
    expect(found(readme, /^\|.*?`([A-Z][A-Z_]+)`/gm)).toEqual(expect.arrayContaining(read));
    expect(found(text('.env.example'), /^(?:# )?([A-Z][A-Z_]+)=/gm)).toEqual(
      expect.arrayContaining(read),
    );
  });

  test('the README names every variable of the compose file', () => {
    const read = found(text('compose.yaml'), /\$\{([A-Z_]+)/g);
    for (const variable of read) expect(readme).toContain(`\`${variable}\``);
  });

  test('the README explains every code that the example refuses with', () => {
    const thrown = sources.flatMap(([, source]) => found(source, /new Rejection\(\s*'([A-Z_]+)'/g));
    expect(thrown.length).toBeGreaterThan(0);
    expect(found(readme, /`([A-Z][A-Z_]+)`/g)).toEqual(expect.arrayContaining(thrown));
  });

  test('the README names no code and no variable that nothing here or in the runtime knows', () => {
    const explained = new Set(['README.md', 'AGENTS.md']);
    const own = [...files].flatMap(([path, content]) =>
      explained.has(path) || path.startsWith('.potter/') ? [] : [content],
    );
    const known = [...own, ...Object.keys(ERROR_CODES), ...Object.keys(SERVICE_VARIABLES)].join(
      '\n',
    );
    const named = found(readme, /`([A-Z]+(?:_[A-Z]+)+)`/g);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('links in README, AGENTS.md and migrations/ lead to files', () => {
    const pages = ['README.md', 'AGENTS.md', 'migrations/README.md'].filter((page) =>
      files.has(page),
    );
    const dead = pages.flatMap((page) =>
      found(text(page), /\]\((?!https?:|#)([^)#]+)/g)
        .filter((link) => !files.has(posix.join(page, '..', link)))
        .map((link) => `${page} links to ${link}`),
    );
    expect(dead).toEqual([]);
  });

  test('paths that AGENTS.md names are there', () => {
    const named = found(text('AGENTS.md'), /`((?:src|test|scripts)\/[\w./-]*)`/g);
    expect(named.length).toBeGreaterThan(3);
    const missing = named.filter(
      (path) => ![...files.keys()].some((file) => file.startsWith(path)),
    );
    expect(missing).toEqual([]);
  });

  test('AGENTS.md is short enough to be read before every task', () => {
    expect(text('AGENTS.md').split('\n').length).toBeLessThanOrEqual(80);
  });
});
