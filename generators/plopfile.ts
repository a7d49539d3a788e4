import { fileURLToPath } from 'node:url';
import type { NodePlopAPI } from 'plop';
import { FEATURES } from './examples/features.ts';
import { camel, kebab } from './engine/words.ts';

const checkout = fileURLToPath(new URL('..', import.meta.url));

/**
 * For authors of templates, not for users: `npm run template:new` writes the beginning of an example. Plop stays at home;
 * projects are written by the engine in generators/engine.
 */
// oxlint-disable-next-line import/no-default-export -- plop takes nothing else
export default function plopfile(plop: NodePlopAPI): void {
  plop.setHelper('camelName', (name: string) => camel(name));
  plop.setHelper('json', (value: unknown) => JSON.stringify(value));
  plop.setGenerator('example', {
    description: 'a new example: manifest, first template, line in the registry',
    prompts: [
      {
        type: 'input',
        name: 'name',
        message: 'Name (kebab-case)?',
        validate: (name: string) =>
          name !== '' && kebab(name) === name ? true : 'kebab-case, please',
      },
      { type: 'input', name: 'title', message: 'Title?' },
      { type: 'input', name: 'summary', message: 'Summary in one sentence?' },
      { type: 'checkbox', name: 'features', message: 'Features?', choices: [...FEATURES] },
    ],
    actions: [
      {
        type: 'add',
        path: `${checkout}/generators/examples/{{name}}.ts`,
        template: MANIFEST,
      },
      {
        type: 'add',
        path: `${checkout}/templates/{{name}}/package.json.hbs`,
        template: PACKAGE,
      },
      {
        type: 'modify',
        path: `${checkout}/generators/examples/registry.ts`,
        transform: (source: string, { name }: { readonly name: string }) =>
          registered(source, name),
      },
    ],
  });
}

const MANIFEST = `import { defineExample, type ExampleDefinition } from './example-definition.ts';

export const {{camelName name}}: ExampleDefinition = defineExample({
  name: '{{name}}',
  title: {{{json title}}},
  summary: {{{json summary}}},
  features: {{{json features}}},
});
`;

const PACKAGE = `{
  "name": \\{{json packageName}},
  "version": "0.1.0",
  "private": true,
  "type": "module",
  "dependencies": {
    "potter-runtime": \\{{json runtimeSpec}}
  }
}
`;

function registered(source: string, name: string): string {
  const importLine = `import { ${camel(name)} } from './${name}.ts';\n`;
  const listed = source.replace(
    /(EXAMPLES[^=]*= \[)([^\]]*)\]/u,
    (_, start: string, items: string) => {
      const all = items.split(',').map((item) => item.trim());
      return `${start}${[...all.filter((item) => item !== ''), camel(name)].join(', ')}]`;
    },
  );
  return importLine + listed;
}
