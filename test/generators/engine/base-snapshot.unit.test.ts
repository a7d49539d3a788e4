import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  BASE_SNAPSHOT_PATH,
  packBaseSnapshot,
  unpackBaseSnapshot,
} from '../../../generators/engine/base-snapshot.ts';
import { templateFiles } from '../../../generators/engine/directory-templates.ts';
import { MANIFEST_PATH, sha256 } from '../../../generators/engine/project-manifest.ts';
import { renderProject } from '../../../generators/engine/project.ts';
import type { ProjectFile } from '../../../generators/engine/render.ts';
import {
  FIXTURE_FACTS,
  FIXTURE_OPTIONS,
  fixtureService,
  fixtureTemplates,
} from '../fixtures/examples.ts';

const project = (): readonly ProjectFile[] =>
  renderProject(fixtureTemplates, {
    example: fixtureService,
    options: FIXTURE_OPTIONS,
    facts: FIXTURE_FACTS,
  });

const bytesOf = (files: readonly ProjectFile[], path: string): Uint8Array => {
  const found = files.find((file) => file.path === path);
  if (found === undefined) throw new Error(`no ${path}`);
  return found.bytes;
};

test('the snapshot holds every rendered text, ready for a later three-way merge', () => {
  const files = project();
  const snapshot = unpackBaseSnapshot(bytesOf(files, BASE_SNAPSHOT_PATH));
  const texts = files.filter((file) => file.template !== undefined);
  expect(Object.keys(snapshot.files)).toEqual(texts.map((file) => file.path));
  for (const file of texts)
    expect(snapshot.files[file.path]).toBe(Buffer.from(file.bytes).toString());
});

test('the manifest names generator, template version, example, options and the hash of every file', () => {
  const files = project();
  const manifest: unknown = JSON.parse(Buffer.from(bytesOf(files, MANIFEST_PATH)).toString());
  const written = files.filter((file) => !file.path.startsWith('.potter/'));
  expect(manifest).toEqual({
    schemaVersion: 1,
    generator: { name: 'create-potter-example', version: '1.2.3' },
    templateVersion: '1.2.3',
    example: 'fixture-service',
    options: {
      name: 'my-orders',
      packageName: '@acme/my-orders',
      packageManager: 'npm',
      runtime: '^4.5.6',
    },
    files: Object.fromEntries(
      written.map((file) => [file.path, { sha256: sha256(file.bytes), template: file.template }]),
    ),
  });
});

test('equal files give an equal snapshot', () => {
  expect(packBaseSnapshot(project())).toEqual(packBaseSnapshot(project()));
});

const examples = fileURLToPath(new URL('../../../generated-examples', import.meta.url));

test.for(readdirSync(examples))(
  'the snapshot of %s takes at most 12 kB for every 20 files',
  (name) => {
    const packed = readFileSync(join(examples, name, BASE_SNAPSHOT_PATH));
    const files = Object.keys(unpackBaseSnapshot(packed).files).length;
    expect(packed.length).toBeLessThanOrEqual((12_288 / 20) * files);
  },
);

test('the snapshot of a 20-file example takes at most 12 kB', () => {
  // Real TypeScript, about 2 kB a file: files of this generator.
  const sources = fileURLToPath(new URL('../../../generators', import.meta.url));
  const files = templateFiles(sources)
    .map((path) => ({
      path,
      bytes: readFileSync(join(sources, path)),
      executable: false,
      template: path,
    }))
    .filter((file) => file.bytes.length <= 3_000)
    .slice(0, 20);
  expect(files).toHaveLength(20);
  expect(files.reduce((sum, file) => sum + file.bytes.length, 0)).toBeGreaterThan(25_000);
  expect(packBaseSnapshot(files).length).toBeLessThanOrEqual(12_288);
});
