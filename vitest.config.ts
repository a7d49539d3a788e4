import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** `potter-runtime/x` in a test means the source of subpath x, so that no build stands between an edit and its test. */
const alias = [
  {
    find: /^potter-runtime\/(.+)$/,
    replacement: fileURLToPath(new URL('./runtime/src/$1/index.ts', import.meta.url)),
  },
];

/** Unit tests touch neither network nor database; postgres tests share one real server a run, one database a file;
 *  package tests look at what would be published. Type tests (test/types) are checked by `npm run typecheck`. */
export default defineConfig({
  resolve: { alias },
  test: {
    // Two also on two cores, where one is the default: tests that start processes mostly wait for them.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Of expect.poll. What is waited for comes at once on an idle machine; a busy one takes its time.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Some start processes; a busy machine takes its time over that.
          testTimeout: 20_000,
          include: ['test/{runtime,generators,examples}/**/*.unit.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: ['test/{runtime,generators,examples}/**/*.postgres.test.ts'],
          globalSetup: ['test/support/postgres-server.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.package.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
