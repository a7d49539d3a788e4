import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveRuntimeSource } from '../../../generators/engine/runtime-source.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const GZIPPED = Buffer.from([0x1f, 0x8b, 8, 0]);

test.each(['^0.1.0', '1.2.3-rc.1+5', '1.x', '>=1.0.0 <2.0.0', '^1 || ~2', 'latest', 'next'])(
  '--runtime %s is a version, a range or a tag, and stays as it is',
  (spec) => {
    expect(resolveRuntimeSource(spec, '/')).toEqual({ spec });
  },
);

test.each([
  '',
  ' ',
  '$(id)',
  '1.0.0; rm',
  '"1.0.0"',
  '1.0.0\n',
  'http://a.example/x',
  'git+ssh://a.example',
  '../runtime',
  'npm:other@1',
  '@a/b',
])('--runtime %j is refused', (spec) => {
  expect(() => resolveRuntimeSource(spec, '/')).toThrow(/neither a version/u);
});

test.each(['', 'file:'])('a tarball given as %s<path> becomes part of the project', (scheme) => {
  using root = temporaryDirectory();
  writeFileSync(join(root.path, 'runtime-1.tgz'), GZIPPED);
  expect(resolveRuntimeSource(`${scheme}./runtime-1.tgz`, root.path)).toEqual({
    spec: 'file:vendor/runtime-1.tgz',
    tarball: { path: 'vendor/runtime-1.tgz', bytes: GZIPPED },
  });
});

test.each(['con.tgz', 'a".tgz', 'a?.tgz'])(
  'a tarball called %s, which some platform cannot store, is refused',
  (name) => {
    using root = temporaryDirectory();
    writeFileSync(join(root.path, name), GZIPPED);
    expect(() => resolveRuntimeSource(name, root.path)).toThrow(/device name|has the character/u);
  },
);
