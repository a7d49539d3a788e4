import { type TOptional, type TSchema, type TString, Type } from 'typebox';
import { SAGA_SORT_FIELDS, type SagaSort } from '../../sagas/read-models/saga-query-handler.ts';
import { SAGA_STATUSES } from '../../sagas/saga-status.ts';
import { instant } from '../requests/instants.ts';
import { pageLimit } from '../requests/paging.ts';
import {
  errorSchema,
  lockSchema,
  orNull,
  remainingSchema,
  time,
  timeOrNull,
} from './saga-schemas.ts';

const SORTS: readonly SagaSort[] = SAGA_SORT_FIELDS.flatMap((field): SagaSort[] => [
  field,
  `-${field}`,
]);

const text = (options: object = {}): TOptional<TString> =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 255, ...options }));
const count = Type.Integer({ minimum: 0 });
const ms = Type.Number({ description: 'Milliseconds.' });
const span = {
  from: Type.Optional(instant({ description: 'Started then or later.' })),
  to: Type.Optional(instant({ description: 'Started earlier.' })),
};

/** `GET /api/v1/sagas?…` */
export const listQuery: TSchema = Type.Object({
  status: Type.Optional(
    Type.Array(Type.Enum([...SAGA_STATUSES]), {
      maxItems: SAGA_STATUSES.length,
      description: 'Any of these: `status=failed&status=running`.',
    }),
  ),
  definition: text(),
  version: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })),
  step: text({ description: 'The step they are at.' }),
  correlationId: text(),
  startedAfter: Type.Optional(instant({ description: 'Started then or later.' })),
  startedBefore: Type.Optional(instant({ description: 'Started earlier.' })),
  attributes: Type.Optional(
    Type.String({
      minLength: 2,
      maxLength: 4_000,
      description: 'A JSON object that their input contains: `{"customer":{"id":"c-1"}}`.',
    }),
  ),
  sort: Type.Optional(
    Type.Enum([...SORTS], {
      default: '-startedAt',
      description: 'A minus is for descending. By `startedAt` no cursor loses or repeats a saga.',
    }),
  ),
  limit: Type.Optional(pageLimit({ default: 50 })),
  offset: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Not together with `cursor`.' }),
  ),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1_000, description: '`nextCursor` of another page.' }),
  ),
});

/** A page of sagas. */
export const listSchema: TSchema = Type.Object(
  {
    sagas: Type.Array(
      Type.Object({
        sagaId: Type.String(),
        definition: Type.String(),
        definitionVersion: Type.Integer(),
        status: Type.Enum([...SAGA_STATUSES]),
        paused: Type.Boolean(),
        currentStep: orNull<string>('string'),
        correlationId: Type.String(),
        lock: lockSchema,
        startedAt: time,
        updatedAt: time,
        finishedAt: timeOrNull,
        durationMs: orNull<number>('number'),
        error: errorSchema,
        remaining: remainingSchema,
      }),
    ),
    total: Type.Integer({ minimum: 0, description: 'How many there are in all, now.' }),
    limit: Type.Integer(),
    offset: Type.Integer(),
    nextCursor: orNull<string>('string', { description: 'Null: this is the last page.' }),
  },
  { description: 'Sagas, as of one moment.' },
);

/** `GET /api/v1/sagas/metrics?…` */
export const metricsQuery: TSchema = Type.Object({ definition: text(), ...span });

/** How sagas did. */
export const metricsSchema: TSchema = Type.Object(
  {
    total: count,
    byStatus: Type.Object(Object.fromEntries(SAGA_STATUSES.map((status) => [status, count]))),
    successRate: orNull<number>('number', {
      description: 'Of those that ended or gave up, 0 to 1.',
    }),
    durationMs: Type.Unsafe<unknown>({
      type: ['object', 'null'],
      required: ['average', 'p50', 'p95', 'p99'],
      properties: { average: ms, p50: ms, p95: ms, p99: ms },
      description: 'Of those that are over.',
    }),
    throughputPerMinute: Type.Number(),
    steps: Type.Array(
      Type.Object({
        step: Type.String(),
        count,
        attempts: count,
        failures: count,
        meanMs: orNull<number>('number'),
      }),
    ),
  },
  { description: 'How sagas did.' },
);
