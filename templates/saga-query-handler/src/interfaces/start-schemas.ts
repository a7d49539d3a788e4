import { Type } from 'typebox';
import { DEFAULT_STEP_MS, DEFINITIONS } from '../domain/work.ts';

// What goes over the wire. Values outside of these bounds are refused with 422.

export const newSaga = Type.Object({
  definition: Type.Enum([...DEFINITIONS], { examples: ['simple-saga'] }),
  correlationId: Type.Optional(
    Type.String({ minLength: 1, maxLength: 100, description: 'Default: that of the request.' }),
  ),
  context: Type.Optional(
    Type.Object(
      {
        stepMs: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 60_000,
            description: `How long each step of a slow-saga takes; ${DEFAULT_STEP_MS} unless given.`,
          }),
        ),
      },
      {
        additionalProperties: true,
        description: 'Anything: what the saga is started with, and can be searched for by.',
        examples: [{ customer: { id: 'customer-1' } }],
      },
    ),
  ),
});

export const acceptedSaga = Type.Object({
  sagaId: Type.String({ format: 'uuid' }),
  definition: Type.String(),
  status: Type.String({ description: 'Follow it at the Location.' }),
});
