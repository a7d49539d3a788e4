import { Rejection } from '../../../../runtime/src/errors/rejection.ts';
import type {
  PostgresPool,
  PostgresTransaction,
} from '../../../../runtime/src/postgres/connection/client.ts';
import { preparedTransactionParticipant } from '../../../../runtime/src/postgres/two-phase-commit/prepared-transaction-participant.ts';
import { tryConfirmCancel } from '../../../../runtime/src/postgres/two-phase-commit/try-confirm-cancel.ts';
import type { TwoPhaseParticipant } from '../../../../runtime/src/sagas/two-phase-commit/two-phase-participant.ts';

/** Whoever has a connection to a participant's database. */
export interface ShelfDatabase {
  readonly pool: PostgresPool;
}

/** What the participants of these tests are asked to do: take pieces of a thing off their shelf. */
export interface TakeWork {
  readonly effect: string;
  readonly quantity: number;
}

/** Its tables. */
export const SHELF = `
  CREATE TABLE shelf (sku text PRIMARY KEY, on_hand integer NOT NULL CHECK (on_hand >= 0), held integer NOT NULL DEFAULT 0);
  CREATE TABLE taken (effect text NOT NULL, quantity integer NOT NULL)`;

/** Work that is refused. */
export const TOO_MUCH: TakeWork = { effect: 'too much', quantity: 5_000_000 };

/** Each effect has a thing of its own, so that none waits for the locks of another. */
async function take(tx: PostgresTransaction, work: TakeWork, how: string): Promise<void> {
  await tx.query({
    text: 'INSERT INTO shelf VALUES ($1, 1000000) ON CONFLICT DO NOTHING',
    values: [work.effect],
  });
  const { rowCount } = await tx.query({
    text: `UPDATE shelf SET ${how} AND sku = $2`,
    values: [work.quantity, work.effect],
  });
  if (rowCount === 0) throw new Rejection('OUT_OF_STOCK', `There are no ${work.quantity} left.`);
}

async function note(tx: PostgresTransaction, { effect, quantity }: TakeWork): Promise<void> {
  await tx.query({ text: 'INSERT INTO taken VALUES ($1, $2)', values: [effect, quantity] });
}

/** It takes by a prepared transaction. */
export function prepared(name: string, { pool }: ShelfDatabase): TwoPhaseParticipant<TakeWork> {
  return preparedTransactionParticipant<TakeWork, unknown>({
    name,
    pool,
    work: async (tx, work) => {
      await take(tx, work, 'on_hand = on_hand - $1 WHERE on_hand >= $1');
      await note(tx, work);
      return { taken: work.quantity, at: name };
    },
  });
}

/** It takes by holding first. */
export function holding(name: string, { pool }: ShelfDatabase): TwoPhaseParticipant<TakeWork> {
  return tryConfirmCancel<TakeWork, TakeWork, unknown>({
    name,
    pool,
    try: async (tx, work) => {
      await take(tx, work, 'held = held + $1 WHERE on_hand - held >= $1');
      return work;
    },
    confirm: async (tx, work) => {
      await take(tx, work, 'on_hand = on_hand - $1, held = held - $1 WHERE held >= $1');
      await note(tx, work);
      return { taken: work.quantity, at: name };
    },
    cancel: async (tx, work) => take(tx, work, 'held = held - $1 WHERE held >= $1'),
  });
}

/** How often an effect is there. */
export async function effectsIn({ pool }: ShelfDatabase, effect: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>({
    text: 'SELECT count(*)::integer AS n FROM taken WHERE effect = $1',
    values: [effect],
  });
  return rows[0]?.n ?? 0;
}

/** What is wrong with a shelf: pieces that are neither there nor taken, or still held. */
export async function imbalance({ pool }: ShelfDatabase): Promise<string | undefined> {
  const { rows } = await pool.query<{ missing: number; held: number; prepared: number }>({
    text: `
    SELECT coalesce(sum(1000000 - on_hand), 0)::integer - (SELECT coalesce(sum(quantity), 0) FROM taken)::integer AS missing,
      coalesce(sum(held), 0)::integer AS held,
      (SELECT count(*)::integer FROM pg_prepared_xacts WHERE database = current_database()) AS prepared
    FROM shelf`,
  });
  const [row] = rows;
  return row?.missing === 0 && row.held === 0 && row.prepared === 0
    ? undefined
    : JSON.stringify(row);
}
