import { type HttpService, problemResponse } from 'potter-runtime/http';
import type { PostgresPool, PostgresTransaction } from 'potter-runtime/postgres';
import type { Accounts } from '../application/accounts.ts';
import { transferMoney } from '../application/transfer-money.ts';
import { toAccount, transfer, transferBody } from './account-schemas.ts';

/** Transfers over HTTP: one POST, two accounts, one commit. */
export function transferRoutes(
  { app, command }: HttpService<PostgresTransaction>,
  dependencies: { readonly pool: PostgresPool; readonly accounts: Accounts },
): void {
  app.post(
    '/api/v1/transfers',
    {
      schema: {
        summary: 'Move money between two accounts',
        body: transferBody,
        response: { 201: transfer, 404: problemResponse },
      },
    },
    command(async ({ request, reply, write }) => {
      const done = await transferMoney(dependencies, request.body, write);
      reply.code(201);
      return {
        transferId: done.transferId,
        amountCents: done.amountCents,
        from: toAccount(done.fromAccount, done.payer),
        to: toAccount(done.toAccount, done.payee),
      };
    }),
  );
}
