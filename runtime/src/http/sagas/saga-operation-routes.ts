import type { FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { isPotterError, PotterError } from '../../errors/potter-error.ts';
import { isRejection } from '../../errors/rejection.ts';
import type { Signal } from '../../sagas/definition/signal.ts';
import type { SagaEngine } from '../../sagas/saga-engine.ts';
import type { TellOptions, Told } from '../../sagas/saga-operations.ts';
import type { HttpService } from '../http-service.ts';
import { IDEMPOTENCY_HEADER } from '../idempotency/request-identity.ts';
import { ValidationError } from '../problems/validation-error.ts';
import { isRecord } from '../requests/is-record.ts';
import {
  acceptedSchema,
  editBody,
  reasonBody,
  rewindBody,
  sagaParams,
  signalBody,
  signalParams,
  skipBody,
  undoBody,
} from './saga-schemas.ts';

/** What these routes use of an engine. */
export type SagaTeller = Pick<
  SagaEngine,
  'cancel' | 'pause' | 'resume' | 'rewind' | 'skip' | 'edit' | 'undo' | 'signal'
>;

/** Options of the routes of operations. */
export interface SagaOperationOptions {
  readonly prefix?: string;
  /** Signals that may be sent to `signal/{name}`; their `parse` checks the value. Default: none, and no such route. */
  readonly signals?: readonly Signal<unknown>[];
  /** Who asks, for the audit trail: what authentication has found out. Default: {@link operatorOf}. */
  readonly by?: (request: FastifyRequest) => string | undefined;
}

/** Says who asks, where nothing better is known. */
export const OPERATOR_HEADER = 'x-operator';

/** Of every operation. */
export const operatorHeaders: TSchema = Type.Object({
  [OPERATOR_HEADER]: Type.Optional(
    Type.String({
      pattern: String.raw`\S`,
      maxLength: 200,
      description:
        'Who asks, for the journal; the address that the request came from unless given.',
    }),
  ),
});

const PROBLEM = { $ref: 'Problem#' };

interface Operation {
  readonly summary: string;
  readonly body: TSchema;
  readonly params?: TSchema;
  readonly tell: (
    id: string,
    body: Readonly<Record<string, unknown>>,
    told: TellOptions,
    request: FastifyRequest,
  ) => Promise<Told>;
}

/** `POST …/{id}/pause` and the rest: accepted when durable, done by whichever process has the saga. */
export function sagaOperationRoutes<Tx>(
  service: Pick<HttpService<Tx>, 'app' | 'command'>,
  engine: SagaTeller,
  options: SagaOperationOptions,
): void {
  const { prefix = '/api/v1/sagas', signals, by = operatorOf } = options;
  for (const [action, operation] of Object.entries(operationsOf(engine, signals ?? []))) {
    if (action.startsWith('signal') && signals === undefined) continue;
    service.app.post(
      `${prefix}/:id/${action}`,
      {
        schema: {
          tags: ['sagas'],
          summary: operation.summary,
          params: operation.params ?? sagaParams,
          headers: operatorHeaders,
          body: operation.body,
          response: { 202: acceptedSchema, 404: PROBLEM, 409: PROBLEM, 422: PROBLEM },
        },
      },
      service.command(async ({ request, reply }) => {
        const { id } = request.params as { readonly id: string };
        const body = isRecord(request.body) ? request.body : {};
        const told = toldBy(request, action, body, by);
        const accepted = await operation.tell(id, body, told, request);
        reply.code(202).header('location', `${prefix}/${encodeURIComponent(id)}`);
        return accepted;
      }),
    );
  }
}

function operationsOf(
  engine: SagaTeller,
  signals: readonly Signal<unknown>[],
): Readonly<Record<string, Operation>> {
  return {
    cancel: {
      summary: 'Ask for a saga to be undone.',
      body: reasonBody,
      tell: (id, _body, told) => engine.cancel(id, told),
    },
    pause: {
      summary: 'Let what runs end, and begin nothing more until it is resumed.',
      body: reasonBody,
      tell: (id, _body, told) => engine.pause(id, told),
    },
    resume: {
      summary: 'Go on after a pause, or try again where a failed saga gave up.',
      body: reasonBody,
      tell: (id, _body, told) => engine.resume(id, told),
    },
    rewind: {
      summary: 'Undo back to a step, that step included, and go forward again from there.',
      body: rewindBody,
      tell: (id, { step }, told) => engine.rewind(id, String(step), told),
    },
    skip: {
      summary: 'Take a step that gave up or waits as done; of a saga that is undone, as undone.',
      body: skipBody,
      tell: (id, { step, result }, told) => engine.skip(id, String(step), { ...told, result }),
    },
    edit: {
      summary: 'Replace what a paused or failed saga was started with, or some of it.',
      body: editBody,
      tell: (id, { input, merge }, told) =>
        engine.edit(id, input, { ...told, merge: merge === true }),
    },
    undo: {
      summary: 'Undo a saga, also when it is completed; past its pivot only by force.',
      body: undoBody,
      tell: (id, { force }, told) => engine.undo(id, { ...told, force: force === true }),
    },
    'signal/:name': {
      summary: 'Tell a saga what it waits for, or will.',
      params: signalParams,
      body: signalBody,
      tell: (id, { value }, told, request) => {
        const { name } = request.params as { readonly name: string };
        return engine.signal(id, checkedSignal(signals, name, value), value, told);
      },
    },
  };
}

/** The message outlives a crash between it and the remembered answer: the same key is the same message. */
export function toldBy(
  request: FastifyRequest,
  action: string,
  { reason }: Readonly<Record<string, unknown>>,
  by: (request: FastifyRequest) => string | undefined,
): TellOptions {
  const key = request.headers[IDEMPOTENCY_HEADER];
  const asker = by(request);
  return {
    ...(typeof key === 'string' && { messageId: `${action}:${key}` }),
    ...(asker !== undefined && { by: asker }),
    ...(typeof reason === 'string' && { reason }),
  };
}

/** Who asks, where authentication says nothing better: the header `x-operator`, or else the address it came from. */
export function operatorOf({ headers, ip }: FastifyRequest): string {
  const operator = headers[OPERATOR_HEADER];
  return typeof operator === 'string' ? operator : ip;
}

/** @throws PotterError `NOT_FOUND` for a signal nobody registered; what says what is wrong with its value. */
export function checkedSignal(
  signals: readonly Signal<unknown>[],
  name: string,
  value: unknown,
): Signal<unknown> {
  const signal = signals.find((known) => known.name === name);
  if (!signal) {
    throw new PotterError('NOT_FOUND', {
      message: `This service takes no signal '${name}'.`,
      remedy: `It takes ${signals.map((known) => known.name).join(', ')}.`,
    });
  }
  try {
    signal.parse(value);
    return signal;
  } catch (error) {
    if (isRejection(error) || isPotterError(error)) throw error;
    const message = error instanceof Error ? error.message : 'is not what the signal takes';
    throw new ValidationError([{ in: 'body', path: '/value', message }]);
  }
}
