import { PotterError } from '../../errors/potter-error.ts';
import type { PostgresTransaction } from '../connection/client.ts';
import { fence } from './fence.ts';

/** One operation of a participant and its undo, which is handed what the operation answered. */
export interface Fenced<Done> {
  /**
   * Does it, once: a repeated call gets the first answer.
   * @param key as the saga hands it to `execute`.
   * @throws PotterError `FENCED` when its undo came first, `INVALID_ARGUMENT` for a key that does not end in `/do`.
   */
  do(tx: PostgresTransaction, key: `${string}/do`, work: () => Promise<Done>): Promise<Done>;
  /**
   * Undoes it, once. Answers undefined, without working, for something that was never done.
   * @param key as the saga hands it to `compensate`.
   * @throws PotterError `INVALID_ARGUMENT` for a key that does not end in `/undo`.
   */
  undo<Undone>(
    tx: PostgresTransaction,
    key: `${string}/undo`,
    work: (done: Done) => Promise<Undone>,
  ): Promise<Undone | undefined>;
}

/**
 * Ties an operation to its undo by the type of what the operation answers; everything else is as {@link fence} has it.
 *
 * ```ts
 * const reservation = fenced<Reservation>();
 * reserve: (call) => inTransaction(pool, (tx) => reservation.do(tx, call.key, () => take(tx, items))),
 * release: (call) => inTransaction(pool, (tx) => reservation.undo(tx, call.key, (reserved) => giveBack(tx, reserved))),
 * ```
 * @param parse turns what was remembered into a `Done`. Default: as it was remembered, for whoever remembered it was of
 * this type. Give one when the type has changed since and calls of that time may still be repeated or undone.
 */
export function fenced<Done>(
  parse: (remembered: unknown) => Done = (remembered) => remembered as Done,
): Fenced<Done> {
  return {
    async do(tx, key, work) {
      refuseOther(key, 'do');
      let worked = false;
      const done = await fence(tx, key, () => {
        worked = true;
        return work();
      });
      return worked ? done : parse(done);
    },
    async undo(tx, key, work) {
      refuseOther(key, 'undo');
      return fence(tx, key, (remembered) => work(parse(remembered)));
    },
  };
}

/** What the types say too, for keys that came over a network. */
function refuseOther(key: string, direction: 'do' | 'undo'): void {
  if (key.endsWith(`/${direction}`)) return;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `'${key}' is not the key of a call to ${direction} something.`,
    remedy:
      "Call do with the key handed to 'execute' and undo with the one handed to 'compensate'.",
    details: { key },
  });
}
