import { newId } from 'potter-runtime/foundation';
import { PostgresTwoPhaseLog } from 'potter-runtime/postgres';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { SHELF } from './two-phase-shelves.ts';

/** A participant's own database. */
export async function participantDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase({ components: ['two-phase-participant', 'fences'] });
  await database.pool.query(SHELF);
  return database;
}

/** A log of its own in a shared database. */
export function freshLog({ pool }: TestDatabase): PostgresTwoPhaseLog {
  return new PostgresTwoPhaseLog({ pool, coordinator: `test-${newId().slice(-12)}` });
}
