import { type TOptional, type TSchema, type TString, Type } from 'typebox';
import { SAGA_STATUSES } from '../../sagas/saga-status.ts';
import { instant } from '../requests/instants.ts';
import { pageLimit } from '../requests/paging.ts';
import { errorSchema, orNull, time, timeOrNull } from './saga-schemas.ts';

const text = (options: object = {}): TOptional<TString> =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 255, ...options }));

const filter = {
  status: Type.Optional(
    Type.Array(Type.Enum([...SAGA_STATUSES]), {
      maxItems: SAGA_STATUSES.length,
      description: 'Any of these.',
    }),
  ),
  paused: Type.Optional(Type.Boolean()),
  definition: text(),
  version: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })),
  step: text({ description: 'The step they are at.' }),
  correlationId: text(),
  startedAfter: Type.Optional(instant({ description: 'Started then or later.' })),
  startedBefore: Type.Optional(instant({ description: 'Started earlier.' })),
};

const after = Type.Optional(
  Type.String({ minLength: 1, maxLength: 1_000, description: '`next` of the answer before.' }),
);
const next = orNull<string>('string', { description: 'Where to go on; null: these are all.' });

/** `GET /api/v1/sagas?…` without read models. */
export const directoryQuery: TSchema = Type.Object({
  ...filter,
  limit: Type.Optional(pageLimit({ default: 50 })),
  after,
});

/** Sagas in the order of their ids. */
export const directorySchema: TSchema = Type.Object(
  {
    sagas: Type.Array(
      Type.Object({
        sagaId: Type.String(),
        definition: Type.String(),
        definitionVersion: Type.Integer(),
        correlationId: Type.String(),
        status: Type.Enum([...SAGA_STATUSES]),
        paused: Type.Boolean(),
        currentStep: orNull<string>('string'),
        startedAt: time,
        updatedAt: time,
        finishedAt: timeOrNull,
        error: errorSchema,
      }),
    ),
    next,
  },
  { description: 'Sagas in the order of their ids.' },
);

/** What can be done to many sagas. */
export const BULK_ACTIONS = [
  'cancel',
  'pause',
  'resume',
  'rewind',
  'skip',
  'edit',
  'undo',
  'signal',
] as const;

/** `POST /api/v1/sagas/bulk` */
export const bulkBody: TSchema = Type.Object({
  action: Type.Enum([...BULK_ACTIONS]),
  filter: Type.Object(filter, {
    minProperties: 1,
    description: 'Which sagas: those for which all of it holds. To mean all, name all statuses.',
  }),
  step: Type.Optional(
    Type.String({ minLength: 1, maxLength: 100, description: 'For `rewind` and `skip`.' }),
  ),
  result: Type.Optional(Type.Unknown({ description: 'For `skip`.' })),
  input: Type.Optional(Type.Unknown({ description: 'For `edit`.' })),
  merge: Type.Optional(Type.Boolean({ description: 'For `edit`. Default false.' })),
  force: Type.Optional(Type.Boolean({ description: 'For `undo`. Default false.' })),
  signal: Type.Optional(
    Type.String({ minLength: 1, maxLength: 100, description: 'Its name, for `signal`.' }),
  ),
  value: Type.Optional(Type.Unknown({ description: 'For `signal`.' })),
  reason: Type.Optional(Type.String({ maxLength: 1_000, description: 'Why, for the journals.' })),
  limit: Type.Optional(pageLimit({ default: 100 })),
  after,
});

/** What became of each. */
export const bulkSchema: TSchema = Type.Object(
  {
    accepted: Type.Integer({ minimum: 0 }),
    refused: Type.Integer({ minimum: 0 }),
    outcomes: Type.Array(
      Type.Object({
        sagaId: Type.String(),
        outcome: Type.Enum(['accepted', 'refused']),
        error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
      }),
    ),
    next,
  },
  { description: 'What became of each saga that was told, in the order of their ids.' },
);
