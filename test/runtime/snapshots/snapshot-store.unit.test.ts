import { describe, expect, test } from 'vitest';
import { InMemoryEventStore } from 'potter-runtime/event-store';
import { InMemorySnapshotStore } from 'potter-runtime/snapshots';
import { snapshotStoreContract } from 'potter-runtime/testing';

describe('the snapshot store in memory', () => {
  const rules = snapshotStoreContract(() => ({
    snapshots: new InMemorySnapshotStore(),
    events: new InMemoryEventStore(),
  }));
  test.each(rules)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  test.each([0, -1, 1.5, Number.NaN])('refuses to keep %d snapshots', (keep) => {
    expect(() => new InMemorySnapshotStore({ keep })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { keep } }),
    );
  });
});
