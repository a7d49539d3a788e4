import { expectTypeOf } from 'expect-type';
import { fenced, type PostgresTransaction } from 'potter-runtime/postgres';

interface Reservation {
  readonly pieces: number;
}

declare const tx: PostgresTransaction;
declare const keys: { readonly do: `${string}/do`; readonly undo: `${string}/undo` };

const reservation = fenced<Reservation>();

// What was done flows to its undo
const undone = reservation.undo(tx, keys.undo, async (reserved) => {
  expectTypeOf(reserved).toEqualTypeOf<Reservation>();
  return reserved.pieces;
});
expectTypeOf(undone).toEqualTypeOf<Promise<number | undefined>>();
expectTypeOf(reservation.do(tx, keys.do, async () => ({ pieces: 1 }))).toEqualTypeOf<
  Promise<Reservation>
>();

// A parser says the type
const amount = fenced((remembered) => Number(remembered));
expectTypeOf(amount.do(tx, keys.do, async () => 1)).toEqualTypeOf<Promise<number>>();

// Something else than what the undo expects cannot be done
// @ts-expect-error the work answers a text
void reservation.do(tx, keys.do, async () => 'five pieces');

// The keys of the two directions are told apart
// @ts-expect-error the key of an undo
void reservation.do(tx, keys.undo, async () => ({ pieces: 1 }));
// @ts-expect-error the key of a do
void reservation.undo(tx, keys.do, async () => undefined);
