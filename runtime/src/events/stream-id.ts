import { PotterError } from '../errors/potter-error.ts';

/**
 * Names a stream: category, a colon, and an id within the category: `bank-account:DE-1`. The first colon separates, so
 * a category has none and an id may have any.
 */
export type StreamId<Category extends string = string> = `${Category}:${string}`;

/**
 * The stream of one thing of a category. {@link parseStreamId} gives both back, whatever the id is.
 * @throws PotterError `INVALID_ARGUMENT` when a part is empty, the category has a colon, or either has a NUL.
 */
export function streamId<Category extends string>(
  category: Category,
  id: string,
): StreamId<Category> {
  const stream: StreamId<Category> = `${category}:${id}`;
  if (category.includes(':')) throw malformed(stream);
  parseStreamId(stream);
  return stream;
}

/**
 * Category and id of a stream.
 * @throws PotterError `INVALID_ARGUMENT` when the text is not a stream id.
 */
export function parseStreamId(stream: string): { readonly category: string; readonly id: string } {
  const colon = stream.indexOf(':');
  // PostgreSQL text cannot hold NUL; refusing it everywhere keeps the stores alike.
  if (colon < 1 || colon === stream.length - 1 || stream.includes('\0')) throw malformed(stream);
  return { category: stream.slice(0, colon), id: stream.slice(colon + 1) };
}

function malformed(stream: string): PotterError {
  return new PotterError('INVALID_ARGUMENT', {
    message: `'${stream}' is not a stream id.`,
    remedy:
      "Use streamId('bank-account', 'DE-1'): a category without ':' and an id, neither empty, no NUL.",
    details: { stream },
  });
}
