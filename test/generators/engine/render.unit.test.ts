import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Handlebars from 'handlebars';
import { expect, test } from 'vitest';
import {
  BASE_SNAPSHOT_PATH,
  unpackBaseSnapshot,
} from '../../../generators/engine/base-snapshot.ts';
import { DirectoryTemplates } from '../../../generators/engine/directory-templates.ts';
import { renderProject } from '../../../generators/engine/project.ts';
import {
  defineExample,
  type ExampleDefinition,
} from '../../../generators/examples/example-definition.ts';
import {
  FIXTURE_FACTS,
  FIXTURE_OPTIONS,
  fixtureLibrary,
  fixtureService,
  fixtureTemplates,
} from '../fixtures/examples.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const tiny: ExampleDefinition = defineExample({
  name: 'tiny',
  title: 'Tiny <T>',
  summary: 'One & only.',
  features: ['service'],
  data: { list: ['a', 'b'], nested: { here: 1 } },
});

/** The text of every file of an example whose templates are given here. */
function render(
  templates: Readonly<Record<string, string>>,
  example: ExampleDefinition = tiny,
): Record<string, string> {
  using root = temporaryDirectory();
  for (const [path, text] of Object.entries(templates)) {
    mkdirSync(dirname(join(root.path, path)), { recursive: true });
    writeFileSync(join(root.path, path), text);
  }
  const files = renderProject(new DirectoryTemplates(root.path), {
    example,
    options: FIXTURE_OPTIONS,
    facts: FIXTURE_FACTS,
  });
  return Object.fromEntries(
    files.map((file) => [file.path, Buffer.from(file.bytes).toString('utf8')]),
  );
}

const renderOne = (source: string): string | undefined =>
  render({ 'tiny/file.txt.hbs': source })['file.txt'];

test.each([
  '{{missing}}',
  '{{data.missing}}',
  '{{#if missing}}x{{/if}}',
  '{{#if data.nested.missing}}x{{/if}}',
  '{{#unless missing}}x{{/unless}}',
  '{{#each data.missing}}x{{/each}}',
  '{{#with missing}}x{{/with}}',
  '{{json missing}}',
  '{{kebab data.missing}}',
  '{{kebb name}}',
  '{{> missing}}',
  '{{#each data.list}}{{@root.missing}}{{/each}}',
  '{{#if (eq missing "x")}}y{{/if}}',
  '{{pascal data.list}}',
  '{{join name ", "}}',
  '{{#if name}}',
])('%s stops the generation and names the template', (source) => {
  expect(() => renderOne(source)).toThrow(/^templates\/tiny\/file\.txt\.hbs: /u);
});

test('a name missing in a partial stops the generation too', () => {
  const templates = { '_partials/deep/one.hbs': '{{nothing}}', 'tiny/a.txt.hbs': '{{> deep/one}}' };
  expect(() => render(templates)).toThrow(/"nothing"/u);
});

test('code is not escaped as HTML', () => {
  expect(renderOne('{{title}} {{summary}} {{json title}}')).toBe('Tiny <T> One & only. "Tiny <T>"');
});

test.each([
  [
    '{{pascal name}} {{camel name}} {{snake name}} {{constant name}}',
    'MyOrders myOrders my_orders MY_ORDERS',
  ],
  ['{{upper name}} {{lower title}}', 'MY-ORDERS tiny <t>'],
  ['[{{join data.list ", "}}] {{json data.list}}', '[a, b] ["a","b"]'],
  ['{{#if (and features.service (not features.saga))}}yes{{/if}}', 'yes'],
  ['{{#if (or features.saga (includes data.list "b"))}}yes{{/if}}', 'yes'],
  ['{{#if (eq packageManager.name "npm")}}{{packageManager.ci}}{{/if}}', 'npm ci'],
  ['{{#each data.list}}{{@root.name}}/{{this}};{{/each}}', 'my-orders/a;my-orders/b;'],
  [String.raw`$\{{ matrix.node }} {{name}}`, '${{ matrix.node }} my-orders'],
  ['{{{{raw}}}}{{ kept }}{{{{/raw}}}}', '{{ kept }}'],
  ['{{file.path}} from {{file.template}}', 'file.txt from templates/tiny/file.txt.hbs'],
])('%s renders as documented', (source, expected) => {
  expect(renderOne(source)).toBe(expected);
});

test('dotfiles get their dot, doubled underscores one, and only .hbs files are rendered', () => {
  const files = render({
    'tiny/_github/_x.yml': '{{ a }}',
    'tiny/__mocks__/a.ts.hbs': '{{name}}',
    'tiny/plain.sql': '{{ name }}',
  });
  expect(files).toMatchObject({
    '.github/.x.yml': '{{ a }}',
    '_mocks__/a.ts': 'my-orders',
    'plain.sql': '{{ name }}',
  });
});

test('overlays of the features apply, base to everyone, and others do not', () => {
  const files = render({
    'tiny/own.txt': '',
    '_overlays/base/base.txt': '',
    '_overlays/service/service.txt': '',
    '_overlays/saga/saga.txt': '',
  });
  expect(Object.keys(files)).toEqual([
    '.potter/base.json.br',
    '.potter/manifest.json',
    'base.txt',
    'own.txt',
    'service.txt',
  ]);
});

test('two templates for one path are refused unless the example declares the override', () => {
  const templates = { 'tiny/Makefile': 'own', '_overlays/service/Makefile.hbs': 'overlay' };
  expect(() => render(templates)).toThrow(
    'Makefile of tiny has two templates: templates/_overlays/service/Makefile.hbs and templates/tiny/Makefile',
  );
  expect(render(templates, { ...tiny, overrides: ['Makefile'] })['Makefile']).toBe('own');
});

test('an override that overrides nothing is refused', () => {
  expect(() => render({ 'tiny/a.txt': '' }, { ...tiny, overrides: ['a.txt'] })).toThrow(
    /overrides nothing/u,
  );
});

test.each([
  [{ 'tiny/readme.md': '', 'tiny/README.md': '' }, /collide/u],
  [{ 'tiny/src/a.ts': '', 'tiny/SRC/b.ts': '' }, /collide/u],
  [{ 'tiny/con.ts': '' }, /device name/u],
  [{ 'tiny/a .': '' }, /dot or a space/u],
  [{ [`tiny/${'a/'.repeat(110)}b`]: '' }, /longer than/u],
  [{ 'other/a.txt': '' }, /no templates/u],
] as const)('templates that some platform cannot store are refused: %j', (templates, message) => {
  expect(() => render(templates)).toThrow(message);
});

test('a template saved with CRLF is written with LF, and bytes that are no text stay as they are', () => {
  using root = temporaryDirectory();
  mkdirSync(join(root.path, 'tiny'));
  writeFileSync(join(root.path, 'tiny', 'a.txt.hbs'), '{{name}}\r\nb\r\n');
  writeFileSync(join(root.path, 'tiny', 'image.png'), Buffer.from([0x89, 0, 0x0d, 0x0a, 0xff]));
  const files = renderProject(new DirectoryTemplates(root.path), {
    example: tiny,
    options: FIXTURE_OPTIONS,
    facts: FIXTURE_FACTS,
  });
  const bytesOf = (path: string): Uint8Array | undefined =>
    files.find((file) => file.path === path)?.bytes;
  expect(bytesOf('a.txt')).toEqual(Buffer.from('my-orders\nb\n'));
  expect(bytesOf('image.png')).toEqual(Buffer.from([0x89, 0, 0x0d, 0x0a, 0xff]));
  const snapshot = unpackBaseSnapshot(bytesOf(BASE_SNAPSHOT_PATH) ?? new Uint8Array());
  expect(Object.keys(snapshot.files)).toEqual(['a.txt']);
});

test('a carriage return from data is refused: it would be another file on another machine', () => {
  const data = { text: 'one\r\ntwo' };
  expect(() => render({ 'tiny/a.txt.hbs': '{{data.text}}' }, { ...tiny, data })).toThrow(
    'a.txt has a carriage return',
  );
});

test.each(['_potter/manifest.json', '_potter/base.json.br', '_Potter/manifest.json'])(
  'a template may not write what the engine writes itself: %s',
  (path) => {
    expect(() => render({ [`tiny/${path}`]: '' })).toThrow(/collide/u);
  },
);

test.each(['../runtime.tgz', '/runtime.tgz', `vendor/${'x'.repeat(196)}.tgz`])(
  'a tarball cannot be put to %s, whoever asks for it',
  (path) => {
    const runtime = { spec: 'file:a.tgz', tarball: { path, bytes: Buffer.from([0x1f, 0x8b]) } };
    const request = {
      example: fixtureService,
      options: { ...FIXTURE_OPTIONS, runtime },
      facts: FIXTURE_FACTS,
    };
    expect(() => renderProject(fixtureTemplates, request)).toThrow(/the output path/u);
  },
);

test('every generated text ends its lines with LF, and .gitattributes says so', () => {
  const files = renderProject(fixtureTemplates, {
    example: fixtureService,
    options: FIXTURE_OPTIONS,
    facts: FIXTURE_FACTS,
  });
  // The snapshot is packed: any byte may be in it.
  const texts = files.filter((file) => file.path !== BASE_SNAPSHOT_PATH);
  expect(texts.length).toBeGreaterThan(8);
  expect(texts.filter((file) => file.bytes.includes(0x0d))).toEqual([]);
  const attributes = files.find((file) => file.path === '.gitattributes');
  expect(Buffer.from(attributes?.bytes ?? []).toString()).toContain('eol=lf');
});

test('a vendored runtime tarball is part of the project and of its manifest', () => {
  const bytes = Buffer.from([0x1f, 0x8b, 1, 2]);
  const runtime = {
    spec: 'file:vendor/potter-runtime-1.0.0.tgz',
    tarball: { path: 'vendor/potter-runtime-1.0.0.tgz', bytes },
  };
  const files = renderProject(fixtureTemplates, {
    example: fixtureService,
    options: { ...FIXTURE_OPTIONS, runtime },
    facts: FIXTURE_FACTS,
  });
  const textOf = (path: string): string =>
    Buffer.from(files.find((file) => file.path === path)?.bytes ?? []).toString();
  expect(files.find((file) => file.path === runtime.tarball.path)?.bytes).toEqual(bytes);
  expect(textOf('package.json')).toContain(
    '"potter-runtime": "file:vendor/potter-runtime-1.0.0.tgz"',
  );
  expect(textOf('.potter/manifest.json')).toContain('"vendor/potter-runtime-1.0.0.tgz"');
});

test('nothing is registered on the global Handlebars', () => {
  renderProject(fixtureTemplates, {
    example: fixtureLibrary,
    options: FIXTURE_OPTIONS,
    facts: FIXTURE_FACTS,
  });
  expect(Handlebars.helpers).not.toHaveProperty('kebab');
  expect(Object.keys(Handlebars.partials)).toEqual([]);
});
