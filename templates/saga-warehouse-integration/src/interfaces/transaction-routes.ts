import type { HttpService } from 'potter-runtime/http';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import type { BranchRecord, TransactionRecord, TwoPhaseCoordinator } from 'potter-runtime/sagas';
import { type Static, Type } from 'typebox';

const TRANSACTIONS = '/api/v1/transactions';
const decisions = Type.Union([Type.Literal('commit'), Type.Literal('abort')]);
const orNull = <T extends ReturnType<typeof Type.String>>(type: T) =>
  Type.Union([type, Type.Null()]);

const transaction = Type.Object({
  transactionId: Type.String(),
  decision: Type.Union([decisions, Type.Null()], { description: 'Null: not taken yet.' }),
  participants: Type.Array(
    Type.Object({
      warehouseId: Type.String(),
      state: Type.String({
        description:
          '`unknown`, `prepared`, `committed`, `aborted`, `written-off` or `unreachable`.',
      }),
      problem: orNull(Type.String({ description: 'Why it could not be told the decision.' })),
    }),
  ),
  reason: orNull(Type.String({ description: 'Code of an abort.' })),
  begunAt: Type.String({ format: 'date-time' }),
  settledAt: orNull(Type.String({ format: 'date-time' })),
  ageMs: Type.Integer(),
});
const params = Type.Object({
  transactionId: Type.String({
    minLength: 1,
    maxLength: 90,
    examples: ['{sagaId}:reserve-warehouses'],
  }),
});

/** The transactions over several warehouses: what became of each, and a hand for those that hang. */
export function transactionRoutes(
  { app, command }: HttpService<PostgresTransaction>,
  coordinator: TwoPhaseCoordinator,
): void {
  app.get(
    TRANSACTIONS,
    {
      schema: {
        summary: 'Transactions, newest first',
        querystring: Type.Object({
          state: Type.Optional(
            Type.Union([
              Type.Literal('in-doubt'),
              Type.Literal('committed'),
              Type.Literal('aborted'),
            ]),
          ),
          limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
          after: Type.Optional(Type.String({ description: 'The last id of the page before.' })),
        }),
        response: { 200: Type.Object({ transactions: Type.Array(transaction) }) },
      },
    },
    async ({ query }) => {
      const records = await coordinator.list(query);
      return { transactions: records.map((record) => toView(record, stateInLog)) };
    },
  );

  app.get(
    `${TRANSACTIONS}/:transactionId`,
    {
      schema: {
        summary: 'A transaction; participants that have not answered yet are asked',
        params,
        response: { 200: transaction },
      },
    },
    async ({ params: { transactionId } }) =>
      toView(await coordinator.get(transactionId), ({ state }) => state),
  );

  app.post(
    `${TRANSACTIONS}/:transactionId/resolve`,
    {
      schema: {
        summary: 'Decide by hand what is in doubt; who did it and why is kept',
        params,
        body: Type.Object({
          decision: decisions,
          by: Type.String({ minLength: 1, maxLength: 100, examples: ['ada'] }),
          reason: Type.String({ minLength: 1, maxLength: 1_000 }),
          writeOff: Type.Optional(
            Type.Array(Type.String(), { description: 'Warehouses that will never answer again.' }),
          ),
        }),
        response: { 202: transaction },
      },
    },
    command(async ({ request, reply }) => {
      const { decision, by, reason, writeOff = [] } = request.body;
      const { transactionId } = request.params;
      const resolution = { by, reason, writeOff };
      const resolved = await coordinator.resolve(transactionId, decision, resolution);
      reply.code(202).header('location', `${TRANSACTIONS}/${encodeURIComponent(transactionId)}`);
      return toView(resolved, stateInLog);
    }),
  );
}

function toView<Branch extends BranchRecord>(
  record: Omit<TransactionRecord, 'branches'> & { readonly branches: readonly Branch[] },
  stateOf: (branch: Branch) => string,
): Static<typeof transaction> {
  const { transactionId, decision, branches, reason, begunAt, settledAt, ageMs } = record;
  return {
    transactionId,
    decision,
    participants: branches.map((branch) => ({
      warehouseId: branch.participant,
      state: stateOf(branch),
      problem: branch.outcome === null ? (branch.problem?.code ?? null) : null,
    })),
    reason: reason?.code ?? null,
    begunAt: begunAt.toISOString(),
    settledAt: settledAt?.toISOString() ?? null,
    ageMs: Math.round(ageMs),
  };
}

/** As far as the log knows, nobody being asked. */
function stateInLog({ outcome, vote }: BranchRecord): string {
  return outcome ?? (vote === 'prepared' ? 'prepared' : 'unknown');
}
