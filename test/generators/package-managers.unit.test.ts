import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DirectoryTemplates } from '../../generators/engine/directory-templates.ts';
import {
  detectPackageManager,
  PACKAGE_MANAGERS,
  packageManager,
  type PackageManagerName,
} from '../../generators/engine/package-managers.ts';
import { renderProject } from '../../generators/engine/project.ts';
import { EXAMPLES } from '../../generators/examples/registry.ts';
import { FIXTURE_FACTS, FIXTURE_OPTIONS } from './fixtures/examples.ts';

const templates = new DirectoryTemplates(
  fileURLToPath(new URL('../../templates', import.meta.url)),
);

/** What a person or a machine types; comments in code may name npm, which is there with every Node.js. */
const TYPED = /^(?:README\.md|AGENTS\.md|Makefile|compose\.yaml|\.github\/workflows\/.+)$/u;

const everyProject = PACKAGE_MANAGERS.flatMap((manager) =>
  EXAMPLES.map((example) => ({ manager, example })),
);

function textsOf(
  manager: PackageManagerName,
  example: (typeof EXAMPLES)[number],
): ReadonlyMap<string, string> {
  const options = { ...FIXTURE_OPTIONS, packageManager: manager };
  const files = renderProject(templates, { example, options, facts: FIXTURE_FACTS });
  return new Map(files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString('utf8')]));
}

test.each(everyProject)(
  '$example.name for $manager says what to type in the words of $manager, and no mark of a template is left',
  ({ manager, example }) => {
    const texts = textsOf(manager, example);
    const others = PACKAGE_MANAGERS.filter((other) => other !== manager).join('|');
    const words = new RegExp(`\\b(?:${others}) (?:run|test|ci|install|start|exec|create)\\b`, 'u');
    const typed = [...texts].filter(([path]) => TYPED.test(path));
    expect(typed.length).toBeGreaterThan(4);
    expect(typed.filter(([, text]) => words.test(text)).map(([path]) => path)).toEqual([]);
    // Names alone in braces are variables of api.http.
    const marks = [...texts].filter(
      ([path, text]) => !path.startsWith('.potter/') && /\{\{(?:[#/>!]|\w+[. ]\w)/u.test(text),
    );
    expect(marks.map(([path]) => path)).toEqual([]);
  },
);

test.each(everyProject)(
  'what dependencies bring is pinned where $manager reads it ($example.name)',
  ({ manager, example }) => {
    const { overrides, production } = packageManager(manager);
    const texts = textsOf(manager, example);
    const manifest: unknown = JSON.parse(texts.get('package.json') ?? '');
    expect(manifest).toHaveProperty([overrides, 'light-my-request']);
    expect(texts.get('Dockerfile')).toContain(`RUN ${production}\n`);
  },
);

test.each([
  ['npm/10.8.2 node/v20.20.0 linux x64', 'npm'],
  ['pnpm/10.1.0 npm/? node/v22.12.0', 'pnpm'],
  ['yarn/1.22.22 npm/? node/v22.12.0', 'yarn'],
  ['bun/1.2.0 npm/? node/v22.12.0', 'bun'],
  ['cnpm/9.0.0', 'npm'],
  ['', 'npm'],
  [undefined, 'npm'],
])('started by %j it installs with %s', (agent, manager) => {
  expect(detectPackageManager(agent)).toBe(manager);
});
