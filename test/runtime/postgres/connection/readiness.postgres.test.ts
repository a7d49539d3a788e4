import { PotterError } from 'potter-runtime/errors';
import { expect, test } from 'vitest';
import { databaseReadiness } from '../../../../runtime/src/postgres/connection/readiness.ts';
import { createTestDatabase } from '../../../support/database.ts';

test('a service is ready while no migration is missing: also one that is taken back later counts', async () => {
  const database = await createTestDatabase();
  try {
    let missing: readonly string[] = [];
    const checks = databaseReadiness(database.pool, { pending: async () => missing });
    const ready = (): Promise<unknown> =>
      Promise.all(checks.map((one) => one.check(AbortSignal.timeout(60_000))));
    expect(checks.every(({ once }) => once !== true)).toBe(true);
    await expect(ready()).resolves.toHaveLength(2);
    missing = ['0001_orders'];
    await expect(ready()).rejects.toThrow(PotterError);
    await expect(ready()).rejects.toMatchObject({
      code: 'MIGRATIONS_PENDING',
      details: { missing },
    });
  } finally {
    await database.close();
  }
});
