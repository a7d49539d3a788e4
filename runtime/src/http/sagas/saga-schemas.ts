import {
  type TArray,
  type TOptional,
  Type,
  type TSchema,
  type TString,
  type TUnsafe,
} from 'typebox';
import { SAGA_STATUSES } from '../../sagas/saga-status.ts';

/** A value or null, as OpenAPI 3.1 says it. */
export function orNull<T>(type: string, rest: object = {}): TUnsafe<T | null> {
  return Type.Unsafe<T | null>({ type: [type, 'null'], ...rest });
}

/** A time as it goes over the wire. */
export const time: TString = Type.String({ format: 'date-time' });
/** A time, or null. */
export const timeOrNull: TUnsafe<string | null> = orNull<string>('string', { format: 'date-time' });

/** An error of a saga, or null. */
export const errorSchema: TUnsafe = Type.Unsafe<unknown>({
  type: ['object', 'null'],
  required: ['code', 'message', 'step'],
  properties: {
    code: { type: 'string', description: 'Of the runtime, or of the domain. Stable.' },
    message: { type: 'string' },
    step: {
      type: ['string', 'null'],
      description: 'Where it came from; null: from outside a step, as with a cancel or a timeout.',
    },
  },
});

/** What was begun and is not undone. */
export const remainingSchema: TOptional<TArray<TString>> = Type.Optional(
  Type.Array(Type.String(), {
    description: 'Steps that were begun and are not undone, of a saga whose undoing gave up.',
  }),
);

/** The keys of a saga, or null. */
export const lockSchema: TUnsafe = Type.Unsafe<unknown>({
  type: ['object', 'null'],
  required: ['state', 'keys'],
  properties: {
    state: { type: 'string', enum: ['waiting', 'held'] },
    keys: { type: 'array', items: { type: 'string' } },
    waitsFor: {
      type: 'array',
      items: {
        type: 'object',
        required: ['key', 'holder', 'ahead'],
        properties: {
          key: { type: 'string' },
          holder: { type: 'string', description: 'Id of the saga that has the key.' },
          ahead: {
            type: 'integer',
            description: 'How many have or get the key before it: 1 when it is next.',
          },
        },
      },
      description: 'The keys that others have. Only in the answer about a single saga that waits.',
    },
  },
  description: 'Its keys, while it waits for them or holds them; null: it has none, or is over.',
});

/** `GET /api/v1/sagas/{id}` */
export const sagaSchema: TSchema = Type.Object(
  {
    sagaId: Type.String(),
    definition: Type.String(),
    definitionVersion: Type.Integer(),
    status: Type.Enum([...SAGA_STATUSES]),
    paused: Type.Boolean({ description: 'Whether it begins nothing more until it is resumed.' }),
    versionMissing: Type.Optional(
      Type.Boolean({
        description: 'It waits for a process that has its version, or one that takes it over.',
      }),
    ),
    unheard: Type.Optional(
      Type.Boolean({
        description:
          'It was told something that whoever runs it has not taken in yet: more comes, also where it is over.',
      }),
    ),
    currentStep: orNull<string>('string'),
    input: Type.Unknown({ description: 'What it was started with.' }),
    results: Type.Record(Type.String(), Type.Unknown(), {
      description: 'What each step answered, by its name.',
    }),
    correlationId: Type.String(),
    lock: lockSchema,
    startedAt: time,
    updatedAt: time,
    finishedAt: timeOrNull,
    error: errorSchema,
    remaining: remainingSchema,
  },
  { description: 'A saga as it is now.' },
);

/** `GET /api/v1/sagas/{id}/history` */
export const historySchema: TSchema = Type.Object(
  {
    sagaId: Type.String(),
    history: Type.Array(
      Type.Object({
        step: Type.String(),
        kind: Type.Enum(['step', 'compensation']),
        status: Type.Enum([
          'running',
          'completed',
          'failed',
          'skipped',
          'compensating',
          'compensated',
          'compensation_failed',
          'not_compensated',
        ]),
        attempt: Type.Integer({
          description: '1, 2, … per step and kind; 0 when it was skipped or left.',
        }),
        startedAt: time,
        finishedAt: timeOrNull,
        durationMs: orNull<number>('number'),
        error: errorSchema,
      }),
    ),
  },
  { description: 'Every attempt, in the order it happened.' },
);

/** The answer to an operation. */
export const acceptedSchema: TSchema = Type.Object(
  { sagaId: Type.String() },
  { description: 'Accepted: durable, and done by whichever process has the saga.' },
);

/** Which saga. */
export const sagaParams: TSchema = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 1_000, description: 'Id of the saga.' }),
});

/** Which signal of which saga. */
export const signalParams: TSchema = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 1_000, description: 'Id of the saga.' }),
  name: Type.String({ minLength: 1, maxLength: 100, description: 'Name of the signal.' }),
});

const reason = Type.Optional(
  Type.String({ maxLength: 1000, description: 'Why, for the journal.' }),
);
const step = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'Name of the step, as the history shows it.',
});

/** A body that may be left out. */
function orNothing(schema: TSchema): TSchema {
  return Type.Union([schema, Type.Null()]);
}

/** Of a cancel, a pause and a resume. */
export const reasonBody: TSchema = orNothing(Type.Object({ reason }));

export const rewindBody: TSchema = Type.Object({ step, reason });

export const skipBody: TSchema = Type.Object({
  step,
  result: Type.Optional(
    Type.Unknown({ description: 'What the steps after it see as its result.' }),
  ),
  reason,
});

export const editBody: TSchema = Type.Object({
  input: Type.Unknown({ description: 'What the steps see from now on.' }),
  merge: Type.Optional(
    Type.Boolean({ description: 'Only the members that are named. Default false.' }),
  ),
  reason,
});

export const undoBody: TSchema = orNothing(
  Type.Object({
    force: Type.Optional(Type.Boolean({ description: 'Also past its pivot. Default false.' })),
    reason,
  }),
);

export const signalBody: TSchema = orNothing(
  Type.Object({
    value: Type.Optional(Type.Unknown({ description: 'What the signal says.' })),
    reason,
  }),
);
