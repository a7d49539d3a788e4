import { Rejection } from 'potter-runtime/errors';
import {
  inTransaction,
  type PostgresPool,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import type { Reservation, Stock } from '../application/warehouse.ts';
import type { Pieces } from '../domain/warehouse-order.ts';
import { recordEffect } from './effects.ts';

// What a warehouse does in its own database, whoever asks for it and however.

/** Reserves at once. */
export async function reserve(
  tx: PostgresTransaction,
  warehouseId: string,
  reservation: Reservation,
): Promise<void> {
  await take(tx, reservation.pieces, 'reserved = reserved + $2');
  await keep(tx, warehouseId, reservation);
}

/** Sets aside what is to be reserved later, or given back. */
export function hold(tx: PostgresTransaction, { pieces }: Reservation): Promise<void> {
  return take(tx, pieces, 'held = held + $2');
}

/** Reserves what is held. */
export async function reserveHeld(
  tx: PostgresTransaction,
  warehouseId: string,
  reservation: Reservation,
): Promise<void> {
  await move(tx, reservation.pieces, 'held = held - $2, reserved = reserved + $2');
  await keep(tx, warehouseId, reservation);
}

/** Gives back what is held. */
export function giveBackHeld(tx: PostgresTransaction, { pieces }: Reservation): Promise<void> {
  return move(tx, pieces, 'held = held - $2');
}

/** Gives back what is reserved for a saga: once, however often it is asked. */
export async function release(
  pool: PostgresPool,
  warehouseId: string,
  call: { readonly sagaId: string; readonly key: `${string}/undo` },
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ pieces: Pieces }>({
      text: `UPDATE reservations SET released_at = now() WHERE saga_id = $1 AND released_at IS NULL RETURNING pieces`,
      values: [call.sagaId],
    });
    const [released] = rows;
    if (released === undefined) return;
    await move(tx, released.pieces, 'reserved = reserved - $2');
    await recordEffect(tx, call, { service: warehouseId, operation: `release-${warehouseId}` });
  });
}

/** @throws Rejection `SKU_NOT_FOUND` */
export async function stockOf(pool: PostgresPool, sku: string): Promise<Stock> {
  const { rows } = await pool.query<Stock>({
    text: 'SELECT on_hand AS "onHand", reserved FROM stock WHERE sku = $1',
    values: [sku],
  });
  return rows[0] ?? refuseUnknown(sku);
}

async function keep(
  tx: PostgresTransaction,
  warehouseId: string,
  { sagaId, key, pieces }: Reservation,
): Promise<void> {
  await tx.query({
    text: 'INSERT INTO reservations (saga_id, pieces) VALUES ($1, $2)',
    values: [sagaId, JSON.stringify(pieces)],
  });
  await recordEffect(
    tx,
    { sagaId, key },
    { service: warehouseId, operation: `reserve-${warehouseId}` },
  );
}

/** Of what nobody else has. */
async function take(tx: PostgresTransaction, pieces: Pieces, change: string): Promise<void> {
  for (const [sku, quantity] of inOrder(pieces)) {
    const { rowCount } = await tx.query({
      text: `UPDATE stock SET ${change} WHERE sku = $1 AND on_hand - reserved - held >= $2`,
      values: [sku, quantity],
    });
    if (rowCount === 0) await refuseShortage(tx, sku, quantity);
  }
}

async function move(tx: PostgresTransaction, pieces: Pieces, change: string): Promise<void> {
  for (const [sku, quantity] of inOrder(pieces)) {
    await tx.query({ text: `UPDATE stock SET ${change} WHERE sku = $1`, values: [sku, quantity] });
  }
}

/** Two reservations lock the same rows in the same order, and none waits for ever. */
function inOrder(pieces: Pieces): readonly (readonly [string, number])[] {
  return Object.entries(pieces).sort(([one], [other]) => (one < other ? -1 : 1));
}

async function refuseShortage(
  tx: PostgresTransaction,
  sku: string,
  quantity: number,
): Promise<never> {
  const { rows } = await tx.query<{ free: number }>({
    text: 'SELECT on_hand - reserved - held AS free FROM stock WHERE sku = $1',
    values: [sku],
  });
  const { free } = rows[0] ?? refuseUnknown(sku);
  throw new Rejection('INSUFFICIENT_STOCK', `${free} of ${quantity} pieces of ${sku} are free.`, {
    details: { sku, free, quantity },
  });
}

function refuseUnknown(sku: string): never {
  throw new Rejection('SKU_NOT_FOUND', `There is no ${sku} here.`, { kind: 'not-found' });
}
