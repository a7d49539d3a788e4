import { PotterError } from '../../errors/potter-error.ts';
import type { ReadinessCheck } from '../../http/operations/readiness.ts';
import type { Migrator } from '../../migrations/migrator.ts';
import type { PostgresPool } from './client.ts';
import { translatePostgresError } from './errors.ts';
import { targetOfPool } from './pool-target.ts';

/**
 * What a service on PostgreSQL needs to work, for `readiness` of `createHttpService`: the database answers, and no migration is
 * missing. Both are asked each time: a migration may be taken back under a running service.
 */
export function databaseReadiness(
  pool: PostgresPool,
  migrator: Pick<Migrator, 'pending'>,
): readonly ReadinessCheck[] {
  const asked = async <T>(question: () => Promise<T>): Promise<T> => {
    try {
      return await question();
    } catch (error) {
      throw translatePostgresError(error, targetOfPool(pool));
    }
  };
  return [
    { name: 'database', check: () => asked(() => pool.query({ text: 'SELECT 1' })) },
    {
      name: 'migrations',
      check: async () => {
        const missing = await asked(() => migrator.pending(pool));
        if (missing.length === 0) return;
        throw new PotterError('MIGRATIONS_PENDING', {
          message: `Not applied: ${missing.join(', ')}.`,
          remedy: 'Apply them: npm run migrate -- up.',
          details: { missing },
        });
      },
    },
  ];
}
