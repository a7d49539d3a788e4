import type { PostgresPool, PostgresTransaction } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';

/** Something a service really did. */
export interface Effect {
  readonly service: string;
  readonly operation: string;
  readonly key: string;
  readonly at: Date;
}

/** Writes an effect down in the transaction that has it, so that everybody can count: one row, one effect. */
export async function recordEffect(
  transaction: PostgresTransaction,
  { sagaId, key }: Pick<Call<'do' | 'undo'>, 'sagaId' | 'key'>,
  effect: Pick<Effect, 'service' | 'operation'>,
): Promise<void> {
  await transaction.query({
    text: 'INSERT INTO effects (saga_id, service, operation, key) VALUES ($1, $2, $3, $4)',
    values: [sagaId, effect.service, effect.operation, key],
  });
}

/** The effects of a saga, in the order they happened. */
export async function effectsOf(pool: PostgresPool, sagaId: string): Promise<readonly Effect[]> {
  const { rows } = await pool.query<Effect>({
    text: 'SELECT service, operation, key, at FROM effects WHERE saga_id = $1 ORDER BY id',
    values: [sagaId],
  });
  return rows;
}
