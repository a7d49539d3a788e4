import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// `unit` needs nothing. `service` builds the service and starts it as processes of its own on a real PostgreSQL: an
// embedded one, or, with `npm run test:compose`, the one of compose.yaml.

// Generous: a machine that does everything else beside takes its time. What hangs takes longer.
const PATIENCE_MS = 300_000;

export default defineConfig({
  test: {
    // Two also on two cores, where one is the default: tests that start processes mostly wait for them.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{domain,application}/**/*.test.ts'],
          testTimeout: PATIENCE_MS,
        },
      },
      {
        test: {
          name: 'service',
          include: ['test/service/**/*.test.ts'],
          globalSetup: ['test/support/build.ts', 'test/support/postgres-server.ts'],
          testTimeout: PATIENCE_MS,
          hookTimeout: PATIENCE_MS,
          expect: { poll: { timeout: 100_000 } },
        },
      },
    ],
  },
});
