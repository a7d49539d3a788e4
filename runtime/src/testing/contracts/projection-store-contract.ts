import assert from 'node:assert/strict';
import { newId } from '../../foundation/ids.ts';
import type { ProjectionContext, ProjectionIdentity } from '../../projections/projection.ts';
import type { ProjectionLease, ProjectionStore } from '../../projections/projection-store.ts';
import type { ContractRule } from './contract.ts';

/** What the rules are tried on. */
export interface ProjectionStoreSubject<Tx> {
  readonly store: ProjectionStore<Tx>;
  /** Makes an empty table, with a text for a key and a text for a value, that no other rule has. */
  readonly makeTable: () => Promise<string>;
  readonly put: (transaction: Tx, table: string, key: string, value: string) => Promise<void>;
  /** What queries see, as `key=value` in the order of keys. */
  readonly rows: (table: string) => Promise<readonly string[]>;
  /** Makes the lease run out, as the silence of its owner would. */
  readonly expire: (lease: ProjectionLease) => Promise<void>;
}

const TTL_MS = 60_000;

/** What rules work with: a projection that nobody else has. */
class Bench<Tx> {
  readonly subject: ProjectionStoreSubject<Tx>;
  readonly identity: ProjectionIdentity;
  readonly table: string;

  constructor(subject: ProjectionStoreSubject<Tx>, table: string) {
    this.subject = subject;
    this.table = table;
    this.identity = { name: `contract-${newId()}`, version: 1, tables: [{ name: table }] };
  }

  get store(): ProjectionStore<Tx> {
    return this.subject.store;
  }

  /** A lease on the generation that has this role. */
  async lease(role: 'live' | 'building', owner: string = newId()): Promise<ProjectionLease> {
    const found = (await this.store.generations(this.identity.name)).find((g) => g.role === role);
    assert.ok(found, `there is no ${role} generation`);
    const outcome = await this.store.acquire(found, owner, TTL_MS);
    if (outcome.kind !== 'acquired') assert.fail(`the lease is ${outcome.kind}`);
    return outcome.lease;
  }

  put(key: string, value: string): (context: ProjectionContext<Tx>) => Promise<void> {
    return ({ transaction, table }) => this.subject.put(transaction, table(this.table), key, value);
  }

  advance(
    lease: ProjectionLease,
    from: bigint,
    to: bigint,
    work?: (context: ProjectionContext<Tx>) => Promise<void>,
  ): Promise<boolean> {
    return this.store.advance(lease, { from, to, handled: 1, rate: 1 }, work);
  }

  rows(): Promise<readonly string[]> {
    return this.subject.rows(this.table);
  }

  async roles(): Promise<readonly string[]> {
    const generations = await this.store.generations(this.identity.name);
    return generations.map(({ role, version, position }) => `${role} v${version} at ${position}`);
  }
}

interface Rule {
  readonly name: string;
  readonly check: <Tx>(bench: Bench<Tx>) => Promise<void>;
}

const failure = {
  position: 7n,
  attempts: 3,
  error: { code: 'BAD_ITEM', message: 'no \u0000 way' },
};

const RULES: readonly Rule[] = [
  {
    name: 'the first registration makes a live generation, the next ones change nothing',
    check: async (bench) => {
      const { store, identity } = bench;
      await Promise.all([store.register(identity), store.register(identity)]);
      assert.deepEqual(await bench.roles(), ['live v1 at 0']);
      await store.register(identity);
      assert.deepEqual(await bench.roles(), ['live v1 at 0']);
    },
  },
  {
    name: 'a newer version is built beside the live one, and an older one leaves both as they are',
    check: async (bench) => {
      const { store, identity } = bench;
      await store.register(identity);
      await store.register({ ...identity, version: 3 });
      await store.register({ ...identity, version: 2 });
      await store.register(identity);
      assert.deepEqual(await bench.roles(), ['live v1 at 0', 'building v3 at 0']);
      await assert.rejects(
        (async () => {
          const lease = await bench.lease('building');
          await store.promote(lease, identity.tables, async () => 0n);
          await store.startRebuild(identity);
        })(),
        { code: 'PROJECTION_SUPERSEDED' },
      );
    },
  },
  {
    name: 'a batch and its checkpoint are one: both or neither, and only from where the checkpoint is',
    check: async (bench) => {
      await bench.store.register(bench.identity);
      const lease = await bench.lease('live');
      assert.equal(await bench.advance(lease, 0n, 5n, bench.put('a', '1')), true);
      const refusal = new Error('cannot');
      const failing = async (
        context: Parameters<ReturnType<typeof bench.put>>[0],
      ): Promise<void> => {
        await bench.put('b', '2')(context);
        throw refusal;
      };
      await assert.rejects(bench.advance(lease, 5n, 6n, failing), refusal);
      assert.equal(await bench.advance(lease, 4n, 6n, bench.put('c', '3')), false);
      assert.deepEqual(await bench.rows(), ['a=1']);
      assert.deepEqual(await bench.roles(), ['live v1 at 5']);
    },
  },
  {
    name: 'one owner at a time: others are told how long, and after silence get a higher token',
    check: async (bench) => {
      await bench.store.register(bench.identity);
      const first = await bench.lease('live');
      assert.equal((await bench.lease('live', first.owner)).token, first.token);
      const held = await bench.store.acquire(first, 'other', TTL_MS);
      assert.ok(held.kind === 'held' && held.forMs > 0 && held.forMs <= TTL_MS);
      await bench.subject.expire(first);
      assert.equal(await bench.advance(first, 0n, 1n), false);
      const second = await bench.lease('live', 'other');
      assert.ok(second.token > first.token);
      assert.equal(await bench.store.renew(first, TTL_MS), false);
      assert.equal(await bench.store.renew(second, TTL_MS), true);
      assert.equal(await bench.advance(first, 0n, 1n, bench.put('a', 'late')), false);
      assert.equal(await bench.store.pauseFailed(first, failure), false);
      await bench.store.release(first);
      const [generation] = await bench.store.generations(bench.identity.name);
      assert.equal(generation?.runner, 'other');
      await bench.store.release(second);
      const third = await bench.lease('live', first.owner);
      // The same owner by name, who was away: what it began then is not what it holds now.
      assert.equal(await bench.store.renew(first, TTL_MS), false);
      assert.equal(await bench.advance(first, 0n, 1n, bench.put('a', 'late')), false);
      assert.equal(await bench.store.renew(third, TTL_MS), true);
      assert.deepEqual(await bench.rows(), []);
    },
  },
  {
    name: 'a rebuild writes beside the live rows, which go on, and takes their place as a whole',
    check: async (bench) => {
      const { store, identity } = bench;
      await store.register(identity);
      const live = await bench.lease('live');
      await bench.advance(live, 0n, 5n, bench.put('a', 'old'));
      const building = await store.startRebuild(identity);
      assert.equal((await store.startRebuild(identity)).generation, building.generation);
      const build = await bench.lease('building');
      await bench.advance(build, 0n, 4n, bench.put('a', 'new'));
      await bench.advance(live, 5n, 8n, bench.put('b', 'old'));
      assert.deepEqual(await bench.rows(), ['a=old', 'b=old']);
      const asked: bigint[] = [];
      const outcome = await store.promote(build, identity.tables, async (context, upTo) => {
        asked.push(upTo);
        assert.equal(context.building, true);
        await bench.put('b', 'new')(context);
        return 9n;
      });
      assert.equal(outcome, 'promoted');
      assert.deepEqual(asked, [8n]);
      assert.deepEqual(await bench.rows(), ['a=new', 'b=new']);
      assert.deepEqual(await bench.roles(), ['live v1 at 9']);
      assert.equal(await bench.advance(live, 8n, 10n, bench.put('c', 'late')), false);
      const after = await bench.lease('live');
      assert.equal(await bench.advance(after, 9n, 10n, bench.put('c', 'next')), true);
      assert.deepEqual(await bench.rows(), ['a=new', 'b=new', 'c=next']);
    },
  },
  {
    name: 'what is built does not take its place before it has come as far as the live rows',
    check: async (bench) => {
      const { store, identity } = bench;
      await store.register(identity);
      await bench.advance(await bench.lease('live'), 0n, 5n, bench.put('a', 'old'));
      await store.startRebuild(identity);
      const build = await bench.lease('building');
      const short = async (
        context: Parameters<ReturnType<typeof bench.put>>[0],
      ): Promise<bigint> => {
        await bench.put('a', 'new')(context);
        return 4n;
      };
      assert.equal(await store.promote(build, identity.tables, short), 'refused');
      assert.deepEqual(await bench.rows(), ['a=old']);
      await bench.subject.expire(build);
      assert.equal(await store.promote(build, identity.tables, async () => 5n), 'refused');
      assert.deepEqual(await bench.roles(), ['live v1 at 5', 'building v1 at 0']);
    },
  },
  {
    name: 'a cancelled rebuild leaves nothing, and its runner can write no more',
    check: async (bench) => {
      const { store, identity } = bench;
      await store.register(identity);
      assert.equal(await store.cancelRebuild(identity), false);
      await store.startRebuild(identity);
      const build = await bench.lease('building');
      await bench.advance(build, 0n, 4n, bench.put('a', 'new'));
      assert.equal(await store.cancelRebuild(identity), true);
      assert.equal(await bench.advance(build, 4n, 5n), false);
      assert.deepEqual(await store.acquire(build, build.owner, TTL_MS), { kind: 'gone' });
      assert.deepEqual(await bench.roles(), ['live v1 at 0']);
      const again = await store.startRebuild(identity);
      const retried = await bench.lease('building');
      await store.promote(retried, identity.tables, async () => 0n);
      assert.equal(again.role, 'building');
      assert.deepEqual(await bench.rows(), []);
    },
  },
  {
    name: 'a paused projection keeps its reason and moves only after it is resumed',
    check: async (bench) => {
      const { store, identity } = bench;
      assert.equal(await store.setPaused(identity.name, true), false);
      await store.register(identity);
      const lease = await bench.lease('live');
      assert.equal(await store.pauseFailed(lease, failure), true);
      const [paused] = await store.generations(identity.name);
      assert.deepEqual(paused?.paused?.failure, failure);
      assert.equal(await bench.advance(lease, 0n, 1n), false);
      assert.deepEqual(await store.acquire(lease, lease.owner, TTL_MS), { kind: 'gone' });
      assert.equal(await store.setPaused(identity.name, true), true);
      assert.deepEqual((await store.generations(identity.name))[0]?.paused?.failure, failure);
      assert.equal(await store.setPaused(identity.name, false), true);
      assert.equal((await store.generations(identity.name))[0]?.paused, null);
      const again = await bench.lease('live', lease.owner);
      assert.equal(await bench.advance(again, 0n, 1n), true);
      await store.setPaused(identity.name, true);
      assert.equal((await store.generations(identity.name))[0]?.paused?.failure, null);
    },
  },
  {
    name: 'what is put aside is listed until it is settled, once, with what is done for it',
    check: async (bench) => {
      const { store, identity } = bench;
      await store.register(identity);
      const lease = await bench.lease('live');
      const step = { from: 0n, to: 7n, handled: 0, rate: 0, deadLetter: failure };
      assert.equal(await store.advance(lease, step), true);
      const [letter] = await store.deadLetters(identity.name);
      assert.ok(letter);
      assert.deepEqual({ ...letter, at: null }, { name: identity.name, ...failure, at: null });
      const refusal = new Error('still not');
      const failing = (): Promise<never> => Promise.reject(refusal);
      await assert.rejects(store.settleDeadLetter(identity.name, 7n, failing), refusal);
      assert.equal((await store.deadLetters(identity.name)).length, 1);
      const settled = await Promise.all(
        [1, 2].map((n) => store.settleDeadLetter(identity.name, 7n, bench.put('a', String(n)))),
      );
      assert.deepEqual(settled.filter(Boolean), [true]);
      assert.equal((await bench.rows()).length, 1);
      assert.deepEqual(await store.deadLetters(identity.name), []);
    },
  },
  {
    name: 'listeners hear of changes, and of moves while somebody watches',
    check: async (bench) => {
      const { store, identity } = bench;
      let wake: (() => void) | undefined;
      const heard = (): Promise<void> => new Promise((resolve) => (wake = resolve));
      const hangUp = await store.listen((name) => {
        if (name === identity.name) wake?.();
      });
      let next = heard();
      await store.register(identity);
      await next;
      assert.equal(await store.watch(identity.name), 0n);
      assert.equal(await store.watch(newId()), undefined);
      const lease = await bench.lease('live');
      next = heard();
      await bench.advance(lease, 0n, 3n);
      await next;
      assert.equal(await store.watch(identity.name), 3n);
      next = heard();
      await store.startRebuild(identity);
      await next;
      next = heard();
      await store.setPaused(identity.name, true);
      await next;
      await hangUp();
    },
  },
];

/** What a store of projections must do. It may be shared: each rule has a projection of its own. */
export function projectionStoreContract<Tx>(
  open: () => ProjectionStoreSubject<Tx> | Promise<ProjectionStoreSubject<Tx>>,
): readonly ContractRule[] {
  return RULES.map(({ name, check }) => ({
    name,
    run: async () => {
      const subject = await open();
      await check(new Bench(subject, await subject.makeTable()));
    },
  }));
}
