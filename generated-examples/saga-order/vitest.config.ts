import { defineConfig } from 'vitest/config';

// `unit` needs nothing. `service` starts the service as processes of its own on a real PostgreSQL: an embedded one, or,
// with `npm run test:compose`, the one of compose.yaml.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/{domain,application}/**/*.test.ts'] } },
      {
        test: {
          name: 'service',
          include: ['test/service/**/*.test.ts'],
          globalSetup: ['test/support/postgres-server.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
