import { expect } from 'vitest';
import { WAREHOUSES } from '../../src/domain/warehouse-order.ts';
import type { TestDatabase } from './database.ts';

/**
 * When all sagas are over, what is reserved is what they reserved, and nothing is held: at once for commits, and as soon as a
 * warehouse that did not hear of an abort has been told again.
 */
export async function expectWholeShelves(database: TestDatabase): Promise<void> {
  await expect.poll(() => flawsOnShelves(database)).toEqual([]);
}

async function flawsOnShelves(database: TestDatabase): Promise<readonly string[]> {
  const flaws: string[] = [];
  for (const warehouseId of WAREHOUSES) {
    const { rows } = await database.warehousePool(warehouseId).query<{
      reserved: number;
      held: number;
      wanted: number;
      prepared: number;
    }>({
      text: `
        SELECT (SELECT sum(reserved)::int FROM stock) AS reserved, (SELECT sum(held)::int FROM stock) AS held,
          (SELECT coalesce(sum(pieces.value::int), 0)::int FROM reservations, jsonb_each_text(pieces) AS pieces
           WHERE released_at IS NULL) AS wanted,
          (SELECT count(*)::int FROM pg_prepared_xacts WHERE database = current_database()) AS prepared`,
    });
    const [row] = rows;
    if (row === undefined || row.reserved !== row.wanted || row.held !== 0 || row.prepared !== 0) {
      flaws.push(`${warehouseId}: ${JSON.stringify(row)}`);
    }
  }
  return flaws;
}
