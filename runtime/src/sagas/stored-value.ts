import { jsonCodec } from '../foundation/json.ts';

function isImmutable(value: unknown): boolean {
  return (
    value === null ||
    value === undefined ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  );
}

/**
 * A value as it will be read back from a store: a copy, reduced to what JSON keeps. A step's result goes through this before
 * the next step sees it, so that a saga behaves the same whether or not it was taken over in between.
 * @throws PotterError `SERIALIZATION_FAILED` when it has no JSON form.
 */
export function asStored(value: unknown): unknown {
  return isImmutable(value) ? value : jsonCodec.decode(jsonCodec.encode(value));
}
