import assert from 'node:assert/strict';
import { ConcurrencyConflictError } from '../../event-store/concurrency-conflict-error.ts';
import type { ExpectedVersion } from '../../event-store/expected-version.ts';
import { streamId, type StreamId } from '../../events/stream-id.ts';
import { newId } from '../../foundation/ids.ts';
import { type Counted, all, counted, type EventStoreRule } from './event-store-subject.ts';

const conflict =
  (stream: StreamId, expected: ExpectedVersion, actual: bigint) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ConcurrencyConflictError, String(error));
    const { stream: at, expected: wanted, actual: found, code } = error;
    assert.deepEqual(
      { at, wanted, found, code },
      { at: stream, wanted: expected, found: actual, code: 'CONCURRENCY_CONFLICT' },
    );
    return true;
  };

const twoIds = (): readonly [string, string] => [newId(), newId()];

/** Expectations, atomicity, repetition. */
export function appendRules<Tx>(): readonly EventStoreRule<Tx>[] {
  return [
    {
      name: 'numbers the events of a stream from 1 without gaps, and positions upwards',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'DE-1');
        const first = await store.appendToStream(stream, counted(2), { expected: 'none' });
        const second = await store.appendToStream(stream, counted(1, 3), {
          expected: first.version,
        });
        const events = [...first.events, ...second.events];
        assert.deepEqual(
          events.map(({ version }) => version),
          [1n, 2n, 3n],
        );
        assert.deepEqual([first.version, second.version], [2n, 3n]);
        const positions = events.map(({ position }) => position);
        assert.deepEqual(
          positions,
          [...positions].sort((a, b) => (a < b ? -1 : 1)),
        );
        assert.equal(second.lastPosition, positions.at(-1));
        assert.deepEqual(await all(store.readStream(stream)), events);
      },
    },
    ...expectationRules<Tx>(),
    {
      name: 'lets one of 8 concurrent writers create a stream that all expect not to exist',
      check: async ({ store }, category) => {
        for (let round = 0; round < 10; round += 1) {
          const stream = streamId(category, String(round));
          const attempts = Array.from({ length: 8 }, (_, n) =>
            store.appendToStream(stream, counted(1, n), { expected: 'none' }),
          );
          const settled = await Promise.allSettled(attempts);
          const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
          assert.equal(refused.length, 7);
          for (const error of refused) conflict(stream, 'none', 1n)(error);
          assert.equal((await all(store.readStream(stream))).length, 1);
        }
      },
    },
    {
      name: 'accepts 50 concurrent writers of one stream that expect nothing, and tells each what it wrote',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'busy');
        const results = await Promise.all(
          Array.from({ length: 50 }, (_, n) => store.appendToStream(stream, counted(2, n))),
        );
        const events = await all(store.readStream<Counted>(stream));
        assert.deepEqual(
          events.map(({ version }) => version),
          Array.from({ length: 100 }, (_, n) => BigInt(n + 1)),
        );
        const stored = new Map(events.map((event) => [event.id, event]));
        for (const { events: told, version, lastPosition } of results) {
          for (const { id, version: at, position } of told) {
            assert.deepEqual([at, position], [stored.get(id)?.version, stored.get(id)?.position]);
          }
          assert.deepEqual([version, lastPosition], [told[1]?.version, told[1]?.position]);
        }
      },
    },
    {
      name: 'answers a repeated append with the events of the first, whatever is expected',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'repeated');
        const [a, b] = twoIds();
        const batch = counted(2).map((event, index) => ({ ...event, id: index === 0 ? a : b }));
        const first = await store.appendToStream(stream, batch, { expected: 'none' });
        await store.appendToStream(stream, counted(1, 3));
        for (const expected of ['none', 'any', 'exists', 0n, 7n] as const) {
          const again = await store.appendToStream(stream, batch, { expected });
          assert.equal(again.alreadyAppended, true);
          assert.deepEqual(again.events, first.events);
        }
        assert.equal((await all(store.readStream(stream))).length, 3);
      },
    },
    {
      name: 'appends a batch once when it is sent several times at once',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'storm');
        const batch = counted(2).map((event) => ({ ...event, id: newId() }));
        const results = await Promise.all(
          Array.from({ length: 6 }, () => store.appendToStream(stream, batch)),
        );
        assert.equal(results.filter(({ alreadyAppended }) => !alreadyAppended).length, 1);
        assert.equal(new Set(results.map(({ lastPosition }) => lastPosition)).size, 1);
        assert.equal((await all(store.readStream(stream))).length, 2);
      },
    },
    {
      name: 'refuses a batch of which only some ids were appended, and ids of another stream',
      check: async ({ store }, category) => {
        const [one, other] = [streamId(category, '1'), streamId(category, '2')];
        const [a, b] = twoIds();
        const [first, second] = [
          { ...counted(1)[0], id: a },
          { ...counted(1)[0], id: b },
        ] as const;
        const event = { type: 'Counted', data: { n: 1 } };
        await store.appendToStream(one, [{ ...event, id: first.id }]);
        const refused = { code: 'EVENT_ID_CONFLICT' };
        const mixed = [
          { ...event, id: a },
          { ...event, id: second.id },
        ];
        await assert.rejects(store.appendToStream(one, mixed), refused);
        await assert.rejects(store.appendToStream(one, [{ ...event, id: a }, event]), refused);
        await assert.rejects(store.appendToStream(other, [{ ...event, id: a }]), refused);
        assert.equal((await all(store.readStream(one))).length, 1);
        assert.equal((await all(store.readStream(other))).length, 0);
      },
    },
    ...multiStreamRules<Tx>(),
    {
      name: 'refuses what cannot be stored, and stores nothing of it',
      check: async ({ store }, category) => {
        const stream = streamId(category, 'bad');
        const invalid = { code: 'INVALID_ARGUMENT' };
        const [event] = counted(1);
        assert.ok(event !== undefined);
        const id = newId();
        const write = { stream, expected: 'any', events: [event] } as const;
        await assert.rejects(store.append({ writes: [] }), invalid);
        await assert.rejects(store.append({ writes: [write, write] }), invalid);
        await assert.rejects(
          store.append({ writes: [write], checks: [{ stream, expected: 'none' }] }),
          invalid,
        );
        await assert.rejects(store.appendToStream(stream, []), invalid);
        await assert.rejects(store.appendToStream(stream, [event], { expected: -1n }), invalid);
        await assert.rejects(
          store.appendToStream(stream, [{ ...event, id: 'not-a-uuid' }]),
          invalid,
        );
        await assert.rejects(
          store.appendToStream(stream, [
            { ...event, id },
            { ...event, id },
          ]),
          invalid,
        );
        await assert.rejects(store.appendToStream(stream, [{ ...event, type: '' }]), invalid);
        await assert.rejects(store.appendToStream(stream, [{ ...event, tags: ['\0'] }]), invalid);
        await assert.rejects(store.appendToStream(category as StreamId, [event]), invalid);
        const unserializable = { type: 'Counted', data: { n: Number.NaN } };
        await assert.rejects(store.appendToStream(stream, [event, unserializable]), {
          code: 'SERIALIZATION_FAILED',
        });
        assert.deepEqual(await all(store.readStream(stream)), []);
      },
    },
  ];
}

function expectationRules<Tx>(): readonly EventStoreRule<Tx>[] {
  const cases: readonly {
    readonly expected: ExpectedVersion;
    readonly accepts: readonly bigint[];
  }[] = [
    { expected: 'any', accepts: [0n, 1n, 2n] },
    { expected: 'none', accepts: [0n] },
    { expected: 0n, accepts: [0n] },
    { expected: 'exists', accepts: [1n, 2n] },
    { expected: 1n, accepts: [1n] },
    { expected: 2n, accepts: [2n] },
    { expected: 9_007_199_254_740_993n, accepts: [] },
  ];
  return cases.map(({ expected, accepts }) => ({
    name: `expecting ${expected} appends at the versions ${accepts.join(', ') || 'none'} of 0 to 2 and refuses the others`,
    check: async ({ store }, category) => {
      for (const version of [0n, 1n, 2n]) {
        const stream = streamId(category, String(version));
        if (version > 0n) await store.appendToStream(stream, counted(Number(version)));
        const append = store.appendToStream(stream, counted(1), { expected });
        if (accepts.includes(version)) assert.equal((await append).version, version + 1n);
        else await assert.rejects(append, conflict(stream, expected, version));
        const length = version + (accepts.includes(version) ? 1n : 0n);
        assert.equal(BigInt((await all(store.readStream(stream))).length), length);
      }
    },
  }));
}

function multiStreamRules<Tx>(): readonly EventStoreRule<Tx>[] {
  return [
    {
      name: 'writes several streams together, or none of them',
      check: async ({ store }, category) => {
        const [from, to] = [streamId(category, 'from'), streamId(category, 'to')];
        const done = await store.append({
          writes: [
            { stream: to, expected: 'none', events: counted(2) },
            { stream: from, expected: 'none', events: counted(1) },
          ],
        });
        assert.deepEqual(
          done.streams.map(({ stream, version }) => [stream, version]),
          [
            [to, 2n],
            [from, 1n],
          ],
        );
        const refused = store.append({
          writes: [
            { stream: from, expected: 1n, events: counted(1) },
            { stream: to, expected: 1n, events: counted(1) },
          ],
        });
        await assert.rejects(refused, conflict(to, 1n, 2n));
        assert.equal((await all(store.readStream(from))).length, 1);
      },
    },
    {
      name: 'checks streams that it does not write',
      check: async ({ store }, category) => {
        const [written, checked] = [streamId(category, 'written'), streamId(category, 'checked')];
        const write = { stream: written, expected: 'any', events: counted(1) } as const;
        const absent = {
          writes: [write],
          checks: [{ stream: checked, expected: 'none' }],
        } as const;
        await store.append(absent);
        assert.deepEqual(await all(store.readStream(checked)), [], 'a check makes no stream');
        await store.appendToStream(checked, counted(1), { expected: 'none' });
        await assert.rejects(store.append(absent), conflict(checked, 'none', 1n));
        await store.append({ writes: [write], checks: [{ stream: checked, expected: 1n }] });
        await store.append({ writes: [write], checks: [{ stream: checked, expected: 'exists' }] });
        assert.equal((await all(store.readStream(written))).length, 3);
      },
    },
    {
      name: 'lets one of two writers win who each check that the stream of the other does not exist',
      check: async ({ store }, category) => {
        for (let round = 0; round < 10; round += 1) {
          const [one, other] = [streamId(category, `a${round}`), streamId(category, `b${round}`)];
          const claim = (write: StreamId, check: StreamId): Promise<unknown> =>
            store.append({
              writes: [{ stream: write, expected: 'none', events: counted(1) }],
              checks: [{ stream: check, expected: 'none' }],
            });
          const settled = await Promise.allSettled([claim(one, other), claim(other, one)]);
          assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
        }
      },
    },
    {
      name: 'answers a repeated append of several streams with the events of the first',
      check: async ({ store }, category) => {
        const [a, b] = twoIds();
        const event = { type: 'Counted', data: { n: 1 } };
        const request = {
          writes: [
            { stream: streamId(category, 'a'), expected: 'none', events: [{ ...event, id: a }] },
            { stream: streamId(category, 'b'), expected: 'none', events: [{ ...event, id: b }] },
          ],
        } as const;
        const first = await store.append(request);
        const again = await store.append(request);
        assert.deepEqual(
          again.streams.map(({ events }) => events),
          first.streams.map(({ events }) => events),
        );
        assert.ok(again.streams.every(({ alreadyAppended }) => alreadyAppended));
      },
    },
  ];
}
