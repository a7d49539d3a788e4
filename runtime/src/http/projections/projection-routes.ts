import { type TSchema, Type } from 'typebox';
import type { FastifyRequest } from 'fastify';
import type { GenerationProgress, ProjectionProgress } from '../../projections/progress.ts';
import type { ProjectionRunner } from '../../projections/projection-runner.ts';
import type { HttpService } from '../http-service.ts';
import { plainJson } from '../sagas/saga-json.ts';
import { time, timeOrNull } from '../sagas/saga-schemas.ts';

/** What the routes use of a runner. */
export type ProjectionOperator = Pick<
  ProjectionRunner,
  'progress' | 'rebuild' | 'pause' | 'resume'
>;

/** Options of {@link projectionRoutes}. */
export interface ProjectionRoutesOptions {
  /** Default `/api/v1/projections`. */
  readonly prefix?: string;
}

const tags = ['projections'];
const PROBLEM = { $ref: 'Problem#' };

const progressFields = {
  version: Type.Integer(),
  generation: Type.Integer({ description: 'Grows with every rebuild.' }),
  position: Type.Integer({ description: 'Everything up to here is in the rows.' }),
  head: Type.Integer({ description: 'The last position there is.' }),
  lag: Type.Integer({ description: 'Positions still to go; 0: caught up.' }),
  state: Type.Enum(['running', 'paused', 'stopped'], {
    description: 'stopped: no process runs it.',
  }),
  rate: Type.Number({ description: 'Items a second, over the last seconds.' }),
  handled: Type.Integer(),
  pausedAt: timeOrNull,
  failure: Type.Unsafe<unknown>({
    type: ['object', 'null'],
    required: ['position', 'attempts', 'error'],
    properties: {
      position: { type: 'integer' },
      attempts: { type: 'integer' },
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: { code: { type: 'string' }, message: { type: 'string' } },
      },
    },
    description: 'What could not be handled, when that is why it is paused.',
  }),
  startedAt: time,
  updatedAt: time,
};

const projectionSchema: TSchema = Type.Object({
  name: Type.String(),
  ...progressFields,
  rebuild: Type.Union([
    Type.Object({
      ...progressFields,
      done: Type.Number({ description: 'How much of it is done, 0 to 1.' }),
    }),
    Type.Null(),
  ]),
});

const listSchema: TSchema = Type.Object({ projections: Type.Array(projectionSchema) });
const params: TSchema = Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) });
const acceptedSchema: TSchema = Type.Object({
  name: Type.String(),
  generation: Type.Integer({ description: 'The one that is being built.' }),
});

/**
 * Projections for operators: how far they are, rebuild, pause, resume. The service needs `idempotency`, for a POST is
 * repeatable by its `Idempotency-Key`.
 */
export function projectionRoutes<Tx>(
  { app, command }: Pick<HttpService<Tx>, 'app' | 'command'>,
  runner: ProjectionOperator,
  options: ProjectionRoutesOptions = {},
): void {
  const prefix = options.prefix ?? '/api/v1/projections';

  app.get(
    prefix,
    {
      schema: {
        tags,
        summary: 'How far each projection is.',
        response: { 200: listSchema },
      },
    },
    async (_request, reply) => {
      const projections = (await runner.progress()).flatMap(toJson);
      return reply.send(plainJson({ projections }));
    },
  );

  app.post(
    `${prefix}/:name/rebuild`,
    {
      schema: {
        tags,
        summary: 'Build a projection anew beside its live rows, which then give way.',
        description:
          'Accepted: durable, and done by whichever process runs it. Queries go on on the live rows. One that is under way is not begun again.',
        params,
        response: { 202: acceptedSchema, 404: PROBLEM, 409: PROBLEM },
      },
    },
    command(async ({ request, reply }) => {
      const { name, generation } = await runner.rebuild(nameOf(request));
      reply.code(202).header('location', prefix);
      return { name, generation };
    }),
  );

  const tell = (action: 'pause' | 'resume', summary: string): void => {
    app.post(
      `${prefix}/:name/${action}`,
      {
        schema: {
          tags,
          summary,
          params,
          response: { 202: Type.Object({ name: Type.String() }), 404: PROBLEM },
        },
      },
      command(async ({ request, reply }) => {
        const name = nameOf(request);
        await runner[action](name);
        reply.code(202).header('location', prefix);
        return { name };
      }),
    );
  };
  tell('pause', 'Make a projection stand still, in all processes.');
  tell('resume', 'Let it go on, or try again what it could not handle.');
}

function nameOf(request: Pick<FastifyRequest, 'params'>): string {
  return (request.params as { readonly name: string }).name;
}

/** A projection whose first rows are not there yet is shown by what is being built. */
function toJson({ name, live, rebuild }: ProjectionProgress): readonly object[] {
  const shown = live ?? rebuild;
  if (shown === null) return [];
  const { done: _done, ...fields } = fieldsOf(shown);
  const building = live === null || rebuild === null ? null : fieldsOf(rebuild);
  return [{ name, ...fields, rebuild: building }];
}

/** Positions as numbers: they are counted from 1, and 2^53 of them are never reached. */
function fieldsOf({ paused, position, head, lag, handled, ...rest }: GenerationProgress) {
  const failure = paused?.failure ?? null;
  return {
    ...rest,
    position: Number(position),
    head: Number(head),
    lag: Number(lag),
    handled: Number(handled),
    pausedAt: paused?.at ?? null,
    failure: failure === null ? null : { ...failure, position: Number(failure.position) },
  };
}
