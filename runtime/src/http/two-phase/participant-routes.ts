import type { IncomingMessage } from 'node:http';
import { Type } from 'typebox';
import { isRejection } from '../../errors/rejection.ts';
import { jsonCodec } from '../../foundation/json.ts';
import type {
  CallOptions,
  TwoPhaseParticipant,
} from '../../sagas/two-phase-commit/two-phase-participant.ts';
import type { HttpService } from '../http-service.ts';

/** Options of {@link twoPhaseParticipantRoutes}. */
export interface TwoPhaseParticipantRoutesOptions {
  /** Default `/two-phase`. A service with several participants gives each a prefix of its own. */
  readonly prefix?: string;
}

const tags = ['two-phase commit'];
const PROBLEM = { $ref: 'Problem#' };

const coordinator = Type.String({
  minLength: 1,
  maxLength: 53,
  description: 'The identity of the coordinator.',
});
const transactionId = Type.String({ minLength: 1, maxLength: 90 });

const branchSchema = Type.Object({ coordinator, transactionId });

const prepareSchema = Type.Object({
  coordinator,
  transactionId,
  work: Type.Unknown({ description: 'What the participant is to do; its form is its own.' }),
});

const voteSchema = Type.Object({
  vote: Type.Enum(['prepared', 'refused']),
  code: Type.Optional(Type.String({ description: 'Why it is refused.' })),
  message: Type.Optional(Type.String()),
  kind: Type.Optional(Type.Enum(['conflict', 'rule', 'not-found'])),
  details: Type.Optional(Type.Unknown()),
});

const branchStateSchema = Type.Object({
  state: Type.Enum(['prepared', 'committed', 'aborted', 'unknown']),
});

const preparedSchema = Type.Object({
  branches: Type.Array(Type.Object({ transactionId: Type.String(), ageMs: Type.Number() })),
});

/**
 * Lets coordinators elsewhere reach a participant: the endpoints that `httpParticipant` (`potter-runtime/sagas`) calls.
 * Every request may come twice, for the participant knows its branches by their ids; no `Idempotency-Key` is needed.
 * They are for coordinators, not for the public: guard them as the service guards what is internal.
 */
export function twoPhaseParticipantRoutes<Tx>(
  service: Pick<HttpService<Tx>, 'app' | 'stopping'>,
  participant: TwoPhaseParticipant,
  options: TwoPhaseParticipantRoutesOptions = {},
): void {
  const { app, stopping } = service;
  const prefix = options.prefix ?? '/two-phase';

  app.post(
    `${prefix}/prepare`,
    {
      schema: {
        tags,
        summary:
          'Do the work so far that nothing can stand in the way of a commit; the answer is the vote.',
        body: prepareSchema,
        response: { 200: voteSchema, 409: PROBLEM },
      },
    },
    async (request) => {
      const { coordinator, transactionId, work } = request.body;
      // Dates and large numbers travel in the codec's marks.
      const decoded = jsonCodec.decode(JSON.stringify(work ?? null));
      try {
        await within(request.raw, stopping, (call) =>
          participant.prepare({ coordinator, transactionId }, decoded, call),
        );
        return { vote: 'prepared' };
      } catch (error) {
        if (!isRejection(error)) throw error;
        const { code, message, kind, details } = error;
        return { vote: 'refused', code, message, kind, details };
      }
    },
  );

  app.post(
    `${prefix}/commit`,
    {
      schema: {
        tags,
        summary: 'Make prepared work final.',
        body: branchSchema,
        response: { 200: Type.Object({ result: Type.Unknown() }), 409: PROBLEM },
      },
    },
    async (request) => {
      const result = await within(request.raw, stopping, (call) =>
        participant.commit(request.body, call),
      );
      return { result: JSON.parse(jsonCodec.encode(result ?? null)) as unknown };
    },
  );

  app.post(
    `${prefix}/abort`,
    {
      schema: {
        tags,
        summary: 'Take prepared work back, or make sure that it never happens.',
        body: branchSchema,
        response: { 200: Type.Object({}), 409: PROBLEM },
      },
    },
    async (request) => {
      await within(request.raw, stopping, (call) => participant.abort(request.body, call));
      return {};
    },
  );

  app.get(
    `${prefix}/branch`,
    {
      schema: {
        tags,
        summary: 'What is known of a branch.',
        querystring: branchSchema,
        response: { 200: branchStateSchema },
      },
    },
    async (request) => ({
      state: await within(request.raw, stopping, (call) => participant.find(request.query, call)),
    }),
  );

  app.get(
    `${prefix}/prepared`,
    {
      schema: {
        tags,
        summary: 'All branches of a coordinator that are held prepared.',
        querystring: Type.Object({ coordinator: Type.String({ minLength: 1, maxLength: 53 }) }),
        response: { 200: preparedSchema },
      },
    },
    async (request) => {
      const branches = await within(request.raw, stopping, (call) =>
        participant.prepared(request.query.coordinator, call),
      );
      return { branches: [...branches] };
    },
  );
}

/** A call ends with the connection of whoever made it, and with the service. */
async function within<T>(
  { socket }: IncomingMessage,
  stopping: AbortSignal,
  work: (call: CallOptions) => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  const stop = (): void => patience.abort();
  socket.once('close', stop);
  stopping.addEventListener('abort', stop, { once: true });
  try {
    return await work({ signal: patience.signal });
  } finally {
    socket.off('close', stop);
    stopping.removeEventListener('abort', stop);
  }
}
