import { Type } from 'typebox';

/** The answer to an order that was accepted. */
export const acceptedOrder = Type.Object({
  sagaId: Type.String({ format: 'uuid' }),
  orderId: Type.String({ format: 'uuid' }),
  status: Type.String({ description: 'Of the saga; follow it at the Location.' }),
});

export const orderParams = Type.Object({ orderId: Type.String({ minLength: 1, maxLength: 100 }) });
