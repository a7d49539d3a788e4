import { Type } from 'typebox';

/** So many pieces of a product, as it goes over the wire. */
export const orderItem = Type.Object({
  productId: Type.String({ minLength: 1, maxLength: 100, examples: ['product-1'] }),
  quantity: Type.Integer({ minimum: 1, maximum: 10_000, examples: [2] }),
  priceCents: Type.Integer({ minimum: 0, maximum: 1_000_000_000, examples: [1_999] }),
});
