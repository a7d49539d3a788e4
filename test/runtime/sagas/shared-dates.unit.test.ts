import { createSagaEngine, InMemorySagaStore, saga } from 'potter-runtime/sagas';
import { VirtualClock } from 'potter-runtime/testing';
import { expect, test } from 'vitest';

const NOON = '2026-01-01T12:00:00.000Z';

/** What a careless caller does: `setHours(0)` to show a day. */
function spoil(noted: object): void {
  for (const value of Object.values(noted)) {
    if (value instanceof Date) value.setTime(0);
  }
}

test('what callers do to dates they were given is seen by no other saga, nor by the next reader', async () => {
  const clock = new VirtualClock({ start: new Date(NOON) });
  const store = new InMemorySagaStore({ clock });
  const noted = saga<null>('noted', { version: 1 })
    .step('note', { execute: () => 'noted' })
    .build();
  const engine = createSagaEngine({ store, definitions: [noted], clock });
  await engine.run();
  const [one, other] = await Promise.all([engine.start(noted, null), engine.start(noted, null)]);
  await Promise.all([engine.settled(one.sagaId), engine.settled(other.sagaId)]);
  for (const { sagaId } of [one, other]) {
    spoil(await engine.get(sagaId));
    for (const listing of await engine.list()) spoil(listing);
    for (const { event } of await store.journal(sagaId)) spoil(event);
    for await (const { event } of engine.events(sagaId)) spoil(event);
  }
  for (const { sagaId } of [one, other]) {
    const { startedAt, finishedAt } = await engine.get(sagaId);
    expect([startedAt.toISOString(), finishedAt?.toISOString()]).toEqual([NOON, NOON]);
    const journal = await store.journal(sagaId);
    expect(journal.map(({ event }) => event.at.toISOString())).toEqual(Array(4).fill(NOON));
  }
  for (const { startedAt, updatedAt, finishedAt } of await engine.list()) {
    const dates = [startedAt, updatedAt, finishedAt].map((date) => date?.toISOString());
    expect(dates).toEqual([NOON, NOON, NOON]);
  }
  await engine.stop();
});
