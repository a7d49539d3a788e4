import { PotterError } from '../../errors/potter-error.ts';
import type { SagaSort } from './saga-query-handler.ts';

/** The last saga of a page: where the next one begins. */
export interface ListCursor {
  /** Value of the field that the list is in order of: milliseconds since 1970, or a duration. */
  readonly value: number;
  readonly sagaId: string;
}

/** A cursor as text. It names its order, so that it is not taken for one of another list. */
export function encodeCursor(sort: SagaSort, { value, sagaId }: ListCursor): string {
  return Buffer.from(JSON.stringify([sort, value, sagaId])).toString('base64url');
}

/** @throws PotterError `INVALID_ARGUMENT` for anything that {@link encodeCursor} did not make for this order. */
export function decodeCursor(sort: SagaSort, text: string): ListCursor {
  const parts = partsOf(text);
  if (Array.isArray(parts) && parts.length === 3) {
    const [order, value, sagaId] = parts as readonly unknown[];
    if (order === sort && isValue(value) && isId(sagaId)) return { value, sagaId };
  }
  throw new PotterError('INVALID_ARGUMENT', {
    message: `The cursor is not of a list in the order '${sort}'.`,
    remedy: 'Pass the nextCursor of a page on as it is, with the same sort.',
    details: { sort },
  });
}

/** The end of the year 9999. */
const LATEST_MS = 253_402_300_799_999;

function isValue(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= -1 && Number(value) <= LATEST_MS;
}

/** Whether a database would take it as text. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function partsOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}
