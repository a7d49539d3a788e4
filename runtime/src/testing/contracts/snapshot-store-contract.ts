import assert from 'node:assert/strict';
import type { Event } from '../../events/event.ts';
import { streamId, type StreamId } from '../../events/stream-id.ts';
import type { EventStore } from '../../event-store/event-store.ts';
import { newId } from '../../foundation/ids.ts';
import {
  stateIn,
  takeSnapshot,
  type Snapshot,
  type SnapshotForm,
} from '../../snapshots/snapshot.ts';
import type { SnapshotStore } from '../../snapshots/snapshot-store.ts';
import type { StateSchema } from '../../snapshots/state-schema.ts';
import type { ContractRule } from './contract.ts';

/** What the rules are tried on: a store that keeps three snapshots a stream, and the event store it works with. */
export interface SnapshotStoreSubject<Tx> {
  readonly snapshots: SnapshotStore<Tx>;
  readonly events: EventStore<Tx>;
}

const schema: StateSchema<unknown> = {
  version: 1,
  toJson: (state) => state,
  fromJson: (json) => json,
};
const form: SnapshotForm = { schemaVersion: 1, shape: 'shape-a' };
const takenAt = new Date('2026-02-03T04:05:06.789Z');

type Counted = Event<'Counted', { readonly n: number }>;

function snapshotAt(stream: StreamId, version: bigint, state: unknown = { at: version }): Snapshot {
  return takeSnapshot(schema, { stream, version, shape: form.shape, takenAt, state });
}

/**
 * The rules every snapshot store keeps, whatever it stands on.
 * @param subject called for each rule; may give the same stores every time, because rules use streams of their own.
 */
export function snapshotStoreContract<Tx>(
  subject: () => SnapshotStoreSubject<Tx> | Promise<SnapshotStoreSubject<Tx>>,
): readonly ContractRule[] {
  const rule = (
    name: string,
    check: (subject: SnapshotStoreSubject<Tx>, stream: StreamId) => Promise<void>,
  ): ContractRule => ({
    name,
    run: async () => check(await subject(), streamId('snapshot-contract', newId())),
  });

  const append = async (events: EventStore<Tx>, stream: StreamId, count: number): Promise<void> => {
    const made = Array.from({ length: count }, (_, n): Counted => ({
      type: 'Counted',
      data: { n: n + 1 },
    }));
    await events.appendToStream<Counted>(stream, made, { expected: 'none' });
  };

  const read = async (
    { snapshots, events }: SnapshotStoreSubject<Tx>,
    stream: StreamId,
    upTo?: bigint,
  ): Promise<{ readonly snapshot: bigint | undefined; readonly tail: readonly bigint[] }> => {
    const { snapshot, tail } = await snapshots.readWithTail<Counted>(
      stream,
      { ...form, upTo },
      events,
    );
    const versions: bigint[] = [];
    for await (const page of tail) {
      versions.push(...page.events.map(({ version }) => version));
      assert.equal(page.lastVersion, versions.at(-1), 'a page tells the version of its last event');
    }
    return { snapshot: snapshot?.version, tail: versions };
  };

  return [
    rule('gives back a snapshot exactly as it was saved', async ({ snapshots }, stream) => {
      const state = {
        text: 'ünïcode \u0000 "quoted"',
        big: 2n ** 70n,
        at: takenAt,
        nested: { z: 1, a: [null, 0.1] },
      };
      const saved = snapshotAt(stream, 7n, state);
      assert.equal(await snapshots.save(saved), true);
      const found = await snapshots.latest(stream, form);
      assert.deepEqual(found, saved);
      assert.deepEqual(stateIn(schema, saved), state);
    }),
    rule('has nothing for a stream without a snapshot', async ({ snapshots }, stream) => {
      assert.equal(await snapshots.latest(stream, form), undefined);
      assert.deepEqual(await snapshots.list(stream), []);
    }),
    rule('finds the newest, or the newest up to a version', async ({ snapshots }, stream) => {
      for (const version of [10n, 20n, 30n]) await snapshots.save(snapshotAt(stream, version));
      assert.equal((await snapshots.latest(stream, form))?.version, 30n);
      assert.equal((await snapshots.latest(stream, { ...form, upTo: 29n }))?.version, 20n);
      assert.equal((await snapshots.latest(stream, { ...form, upTo: 20n }))?.version, 20n);
      assert.equal(await snapshots.latest(stream, { ...form, upTo: 9n }), undefined);
    }),
    rule(
      'never lets an older snapshot take the place of a newer one',
      async ({ snapshots }, stream) => {
        await snapshots.save(snapshotAt(stream, 20n));
        assert.equal(await snapshots.save(snapshotAt(stream, 10n)), false);
        assert.deepEqual(
          (await snapshots.list(stream)).map(({ version }) => version),
          [20n],
        );
      },
    ),
    rule(
      'keeps the newest when many are saved at the same moment',
      async ({ snapshots }, stream) => {
        const versions = Array.from({ length: 12 }, (_, index) => BigInt(((index * 5) % 12) + 1));
        await Promise.all(versions.map((version) => snapshots.save(snapshotAt(stream, version))));
        assert.equal((await snapshots.latest(stream, form))?.version, 12n);
      },
    ),
    rule(
      'replaces a snapshot of the same version, so that a damaged one can be made good',
      async ({ snapshots }, stream) => {
        await snapshots.save(snapshotAt(stream, 5n, 'damaged'));
        assert.equal(await snapshots.save(snapshotAt(stream, 5n, 'good')), true);
        assert.equal((await snapshots.latest(stream, form))?.state, '"good"');
        assert.equal((await snapshots.list(stream)).length, 1);
      },
    ),
    rule(
      'keeps three snapshots of a stream, newest first, and lets other streams be',
      async ({ snapshots }, stream) => {
        const other = streamId('snapshot-contract', newId());
        await snapshots.save(snapshotAt(other, 1n));
        for (const version of [1n, 2n, 3n, 4n, 5n])
          await snapshots.save(snapshotAt(stream, version));
        assert.deepEqual(
          (await snapshots.list(stream)).map(({ version }) => version),
          [5n, 4n, 3n],
        );
        assert.equal((await snapshots.list(other)).length, 1);
      },
    ),
    rule(
      'overlooks snapshots of another schema version or shape, but lists them',
      async ({ snapshots }, stream) => {
        const mine = snapshotAt(stream, 10n);
        await snapshots.save(mine);
        await snapshots.save({ ...snapshotAt(stream, 20n), schemaVersion: 2 });
        await snapshots.save({ ...snapshotAt(stream, 30n), shape: 'shape-b' });
        assert.equal((await snapshots.latest(stream, form))?.version, 10n);
        assert.deepEqual(
          (await snapshots.list(stream)).map(({ version }) => version),
          [30n, 20n, 10n],
        );
      },
    ),
    rule(
      'takes a snapshot at an older version than those of another form',
      async ({ snapshots }, stream) => {
        for (const version of [20n, 30n, 40n])
          await snapshots.save({ ...snapshotAt(stream, version), shape: 'shape-b' });
        assert.equal(await snapshots.save(snapshotAt(stream, 10n)), true);
        assert.equal((await snapshots.latest(stream, form))?.version, 10n);
      },
    ),
    rule('forgets the snapshots of one stream when told to', async ({ snapshots }, stream) => {
      await snapshots.save(snapshotAt(stream, 1n));
      await snapshots.discard(stream);
      assert.deepEqual(await snapshots.list(stream), []);
    }),
    rule('reads a snapshot with exactly the events after it', async (subject, stream) => {
      await append(subject.events, stream, 5);
      assert.deepEqual(await read(subject, stream), {
        snapshot: undefined,
        tail: [1n, 2n, 3n, 4n, 5n],
      });
      await subject.snapshots.save(snapshotAt(stream, 3n));
      assert.deepEqual(await read(subject, stream), { snapshot: 3n, tail: [4n, 5n] });
      assert.deepEqual(await read(subject, stream, 4n), { snapshot: 3n, tail: [4n] });
      assert.deepEqual(await read(subject, stream, 3n), { snapshot: 3n, tail: [] });
      assert.deepEqual(await read(subject, stream, 2n), { snapshot: undefined, tail: [1n, 2n] });
      await subject.snapshots.save(snapshotAt(stream, 5n));
      assert.deepEqual(await read(subject, stream), { snapshot: 5n, tail: [] });
    }),
    rule(
      'reads a tail that is longer than any page, in order and complete',
      async (subject, stream) => {
        await append(subject.events, stream, 2_500);
        await subject.snapshots.save(snapshotAt(stream, 100n));
        const { snapshot, tail } = await read(subject, stream);
        assert.equal(snapshot, 100n);
        assert.deepEqual(
          tail,
          Array.from({ length: 2_400 }, (_, index) => BigInt(index + 101)),
        );
        assert.deepEqual((await read(subject, stream, 2_150n)).tail.at(-1), 2_150n);
      },
    ),
    rule('reads nothing for a stream that does not exist', async (subject, stream) => {
      assert.deepEqual(await read(subject, stream), { snapshot: undefined, tail: [] });
    }),
    rule(
      'ends a read with ABORTED when its signal has fired',
      async ({ snapshots, events }, stream) => {
        const signal = AbortSignal.abort();
        await assert.rejects(
          async () => {
            const { tail } = await snapshots.readWithTail<Counted>(stream, form, events, {
              signal,
            });
            for await (const _page of tail) assert.fail('a page came');
          },
          { code: 'ABORTED' },
        );
      },
    ),
  ];
}
