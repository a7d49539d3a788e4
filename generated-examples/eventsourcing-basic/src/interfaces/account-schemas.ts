import { instant } from 'potter-runtime/http';
import { type Static, Type } from 'typebox';
import { assertExists, type BankAccount } from '../domain/bank-account.ts';

// What goes over the wire. Bodies with other fields, and values outside of these bounds, are refused with 422.

const accountNumber = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,63}$',
  description: 'Up to 64 letters, digits and hyphens.',
  examples: ['DE-1001'],
});

const amountCents = Type.Integer({ minimum: 1, maximum: 1_000_000_000_000, examples: [5_000] });

export const account = Type.Object({
  accountNumber,
  ownerName: Type.String(),
  status: Type.Union([Type.Literal('open'), Type.Literal('closed')]),
  balanceCents: Type.Integer(),
  version: Type.Integer({ minimum: 1, description: 'Counts the events; also the ETag.' }),
});

/** An account as it goes over the wire; refuses one that was never opened. */
export function toAccount(
  accountNumber: string,
  { state, version }: { readonly state: BankAccount; readonly version: bigint },
): Static<typeof account> {
  assertExists(state);
  const { ownerName, status, balanceCents } = state;
  return { accountNumber, ownerName, status, balanceCents, version: Number(version) };
}

export const accountParams = Type.Object({ accountNumber });

export const openAccountBody = Type.Object({
  accountNumber,
  ownerName: Type.String({
    minLength: 1,
    maxLength: 200,
    pattern: '\\S',
    examples: ['Ada Lovelace'],
  }),
});

export const amountBody = Type.Object({ amountCents });

export const thenQuery = Type.Object({
  version: Type.Optional(
    Type.Integer({ minimum: 1, description: 'The account as of this version.' }),
  ),
  at: Type.Optional(instant({ description: 'The account as of this time.' })),
});

export const transferBody = Type.Object({
  fromAccount: accountNumber,
  toAccount: accountNumber,
  amountCents,
});

export const transfer = Type.Object({
  transferId: Type.String({ format: 'uuid' }),
  amountCents,
  from: account,
  to: account,
});
