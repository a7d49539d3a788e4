import type { Event } from 'potter-runtime/events';
import type { EventRead } from 'potter-runtime/event-store';
import { afterPosition, pageLimit } from 'potter-runtime/http';
import { type Static, Type } from 'typebox';

/** The query of a route that lists the events of one stream. */
export const eventPageQuery = Type.Object({
  after: afterPosition,
  limit: pageLimit(),
});

/** Events of one stream, oldest first. */
export const eventPage = Type.Object({
  events: Type.Array(
    Type.Object({
      id: Type.String({ format: 'uuid' }),
      type: Type.String(),
      version: Type.Integer({ minimum: 1 }),
      data: Type.Unknown(),
      metadata: Type.Unknown(),
      recordedAt: Type.String({ format: 'date-time' }),
    }),
  ),
  /** The `after` of the next page; null when this one is the last. */
  nextAfter: Type.Union([Type.String(), Type.Null()]),
});

/** Turns a read of one more event than `limit` into a page. */
export async function toEventPage(
  read: EventRead<Event>,
  limit: number,
): Promise<Static<typeof eventPage>> {
  const events: Static<typeof eventPage>['events'] = [];
  for await (const event of read) {
    if (events.length === limit) return { events, nextAfter: String(events.at(-1)?.version) };
    const { id, type, version, data, metadata, recordedAt } = event;
    events.push({
      id,
      type,
      version: Number(version),
      data,
      metadata,
      recordedAt: recordedAt.toISOString(),
    });
  }
  return { events, nextAfter: null };
}
