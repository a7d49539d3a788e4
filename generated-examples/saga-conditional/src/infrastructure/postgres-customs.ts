import { Rejection } from 'potter-runtime/errors';
import { newId } from 'potter-runtime/foundation';
import { fenced, inTransaction, type PostgresPool } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { Customs, Declaration, Goods } from '../application/customs.ts';
import { recordEffect } from './effects.ts';

/** What is worth more than this leaves no country without a licence, and nobody here has one. */
export const LICENCE_FREE_CENTS = 1_000_000;

/** What `declare` answers is handed to `withdraw`; neither has an effect twice. */
const declaration = fenced<Declaration>();

/** The customs office. */
export class PostgresCustoms implements Customs {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  declare(call: Call<'do'>, { from, to, valueCents }: Goods): Promise<Declaration> {
    return inTransaction(this.#pool, (tx) =>
      declaration.do(tx, call.key, async () => {
        if (valueCents > LICENCE_FREE_CENTS) {
          throw new Rejection(
            'CUSTOMS_LICENCE_REQUIRED',
            `Goods for ${valueCents} cents do not leave ${from} without a licence.`,
            { details: { valueCents, limitCents: LICENCE_FREE_CENTS } },
          );
        }
        const declarationId = newId();
        await tx.query({
          text: `INSERT INTO customs_declarations (declaration_id, from_country, to_country, value_cents)
                 VALUES ($1, $2, $3, $4)`,
          values: [declarationId, from, to, valueCents],
        });
        await recordEffect(tx, call, { service: 'customs', operation: 'customs-check' });
        return { declarationId };
      }),
    );
  }

  async withdraw(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      declaration.undo(tx, call.key, async ({ declarationId }) => {
        await tx.query({
          text: 'UPDATE customs_declarations SET withdrawn_at = now() WHERE declaration_id = $1',
          values: [declarationId],
        });
        await recordEffect(tx, call, { service: 'customs', operation: 'withdraw-declaration' });
      }),
    );
  }
}
