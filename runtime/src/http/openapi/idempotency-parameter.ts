/** The header as every route of a command documents it. */
export const IDEMPOTENCY_KEY_PARAMETER: object = {
  type: 'string',
  pattern: '^[!-~]{1,255}$',
  minLength: 1,
  maxLength: 255,
  description:
    'Makes the request safe to repeat: the same key with the same request has one effect and one answer, ' +
    'which comes again with Idempotency-Replayed: true. Any unique text; a UUID, say.',
  examples: ['0197f2c4-7c1a-7f1e-9c64-8d2f5a1b3c4d'],
};
