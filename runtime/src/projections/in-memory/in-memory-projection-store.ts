import { type Clock, systemClock } from '../../foundation/clock.ts';
import type { ProjectionContext, ProjectionIdentity } from '../projection.ts';
import type {
  AcquireOutcome,
  DeadLetter,
  FailedItem,
  Generation,
  GenerationKey,
  ProjectionLease,
  ProjectionListener,
  ProjectionNews,
  ProjectionStep,
  ProjectionStore,
} from '../projection-store.ts';
import { superseded } from '../superseded.ts';
import { tableIn } from '../table-names.ts';
import { type InMemoryReadModel, type InMemoryRows, InMemoryTables } from './in-memory-rows.ts';

type Mutable = { -readonly [Key in keyof Omit<Generation, 'runner'>]: Generation[Key] } & {
  owner: string | null;
  token: bigint;
  expiresMs: number;
  /** The end of the transaction that has it locked. */
  locked: Promise<unknown>;
  readonly deadLetters: DeadLetter[];
};

/**
 * Projections and their rows in this process's memory: for tests, and for services that build their read models anew at
 * each start. Everything a database does is done: leases with tokens, atomic batches, building beside the live rows.
 */
export class InMemoryProjectionStore implements ProjectionStore<InMemoryReadModel> {
  readonly #clock: Clock;
  readonly #tables = new InMemoryTables();
  readonly #generations: Mutable[] = [];
  readonly #listeners = new Set<ProjectionListener>();

  constructor(options: { readonly clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
  }

  /** A copy of the rows that queries see. */
  rows(table: string): InMemoryRows {
    return this.#tables.rows(table);
  }

  async register({ name, version, tables }: ProjectionIdentity): Promise<void> {
    const live = this.#live(name);
    if (live === undefined && this.#building(name) === undefined) {
      const isOther = tables.some(({ like }) => like !== undefined);
      this.#add(name, version, isOther ? 'building' : 'live');
    } else if (live === undefined || live.version < version) {
      this.#build({ name, version, tables });
    }
  }

  async generations(name?: string): Promise<readonly Generation[]> {
    return this.#generations
      .filter((generation) => name === undefined || generation.name === name)
      .toSorted((a, b) => Number(b.role === 'live') - Number(a.role === 'live'))
      .map((generation) => this.#shown(generation));
  }

  async acquire(key: GenerationKey, owner: string, ttlMs: number): Promise<AcquireOutcome> {
    const found = this.#get(key);
    if (found === undefined || found.paused !== null) return { kind: 'gone' };
    const nowMs = this.#nowMs();
    const isAlive = found.owner !== null && found.expiresMs > nowMs;
    if (isAlive && found.owner !== owner) return { kind: 'held', forMs: found.expiresMs - nowMs };
    if (!isAlive) found.token += 1n;
    found.owner = owner;
    found.expiresMs = nowMs + ttlMs;
    const { name, generation } = key;
    const lease = { name, generation, owner, token: found.token };
    return { kind: 'acquired', lease, position: found.position };
  }

  async renew(lease: ProjectionLease, ttlMs: number): Promise<boolean> {
    const held = this.#held(lease);
    if (held === undefined) return false;
    held.expiresMs = this.#nowMs() + ttlMs;
    return true;
  }

  async release(lease: ProjectionLease): Promise<void> {
    const held = this.#held(lease);
    if (held === undefined) return;
    held.owner = null;
    this.#tell(held.name);
  }

  async advance(
    lease: ProjectionLease,
    step: ProjectionStep,
    work: (context: ProjectionContext<InMemoryReadModel>) => Promise<void> = async () => {},
  ): Promise<boolean> {
    return this.#alone([this.#get(lease)], async () => {
      const held = this.#held(lease);
      if (held === undefined || held.paused !== null || held.position !== step.from) return false;
      await this.#write(held, work);
      held.position = step.to;
      held.handled += BigInt(step.handled);
      held.rate = step.rate;
      held.updatedAt = this.#clock.now();
      if (step.deadLetter !== undefined) {
        held.deadLetters.push({ name: held.name, at: this.#clock.now(), ...step.deadLetter });
      }
      this.#tell(held.name, 'moved');
      return true;
    });
  }

  async startRebuild(projection: ProjectionIdentity): Promise<Generation> {
    const { name, version } = projection;
    const live = this.#live(name);
    if (live !== undefined && live.version > version) throw superseded(name, version, live.version);
    return this.#shown(this.#build(projection));
  }

  async cancelRebuild({
    name,
    tables,
  }: Pick<ProjectionIdentity, 'name' | 'tables'>): Promise<boolean> {
    return this.#alone([this.#building(name)], async () => {
      const building = this.#building(name);
      if (building === undefined) return false;
      for (const table of tables) this.#tables.drop(tableIn(building, table.name));
      this.#remove(building);
      return true;
    });
  }

  async promote(
    lease: ProjectionLease,
    tables: ProjectionIdentity['tables'],
    catchUp: (context: ProjectionContext<InMemoryReadModel>, upTo: bigint) => Promise<bigint>,
  ): Promise<'promoted' | 'refused' | 'busy'> {
    return this.#alone([this.#get(lease), this.#live(lease.name)], async () => {
      const held = this.#held(lease);
      if (held === undefined || held.paused !== null || held.role !== 'building') return 'refused';
      const live = this.#live(held.name);
      let { position } = held;
      if (live !== undefined && live.position > position) {
        const upTo = live.position;
        await this.#write(held, async (context) => {
          position = await catchUp(context, upTo);
        });
        if (position < upTo) return 'refused';
      }
      for (const { name } of tables) this.#tables.replace(name, tableIn(held, name));
      if (live !== undefined) this.#remove(live);
      held.role = 'live';
      held.position = position;
      held.owner = null;
      held.updatedAt = this.#clock.now();
      this.#tell(held.name);
      return 'promoted';
    });
  }

  async pauseFailed(lease: ProjectionLease, failure: FailedItem): Promise<boolean> {
    const held = this.#held(lease);
    if (held === undefined) return false;
    held.paused = { at: this.#clock.now(), failure };
    this.#tell(held.name);
    return true;
  }

  async setPaused(name: string, paused: boolean): Promise<boolean> {
    const named = this.#generations.filter((generation) => generation.name === name);
    return this.#alone(named, async () => {
      const found = this.#generations.filter((generation) => generation.name === name);
      for (const generation of found) {
        generation.paused = paused
          ? (generation.paused ?? { at: this.#clock.now(), failure: null })
          : null;
      }
      if (found.length > 0) this.#tell(name);
      return found.length > 0;
    });
  }

  async deadLetters(name: string): Promise<readonly DeadLetter[]> {
    return [...(this.#live(name)?.deadLetters ?? [])];
  }

  async settleDeadLetter(
    name: string,
    position: bigint,
    work: (context: ProjectionContext<InMemoryReadModel>) => Promise<void>,
  ): Promise<boolean> {
    return this.#alone([this.#live(name)], async () => {
      const live = this.#live(name);
      const at = live?.deadLetters.findIndex((letter) => letter.position === position) ?? -1;
      if (live === undefined || at < 0) return false;
      await this.#write(live, work);
      live.deadLetters.splice(at, 1);
      return true;
    });
  }

  async watch(name: string): Promise<bigint | undefined> {
    return this.#live(name)?.position;
  }

  async listen(listener: ProjectionListener): Promise<() => Promise<void>> {
    // A function of its own, so that two who pass the same one are two.
    const told: ProjectionListener = (name, news) => listener(name, news);
    this.#listeners.add(told);
    return async () => void this.#listeners.delete(told);
  }

  async #write(
    generation: Mutable,
    work: (context: ProjectionContext<InMemoryReadModel>) => Promise<void>,
  ): Promise<void> {
    const opened = this.#tables.begin();
    await work({
      transaction: opened.transaction,
      table: (name) => tableIn(generation, name),
      building: generation.role === 'building',
    });
    opened.commit();
  }

  #build({ name, version, tables }: ProjectionIdentity): Mutable {
    const building = this.#building(name);
    if (building !== undefined && building.version >= version) return building;
    if (building !== undefined) {
      for (const table of tables) this.#tables.drop(tableIn(building, table.name));
      this.#remove(building);
    }
    return this.#add(name, version, 'building');
  }

  #add(name: string, version: number, role: Generation['role']): Mutable {
    const numbers = this.#generations
      .filter((other) => other.name === name)
      .map(({ generation }) => generation);
    const now = this.#clock.now();
    const added: Mutable = {
      name,
      generation: Math.max(0, ...numbers) + 1,
      version,
      role,
      position: 0n,
      handled: 0n,
      rate: 0,
      paused: null,
      startedAt: now,
      updatedAt: now,
      owner: null,
      token: 0n,
      expiresMs: 0,
      locked: Promise.resolve(),
      deadLetters: [],
    };
    this.#generations.push(added);
    this.#tell(name);
    return added;
  }

  #remove(generation: Mutable): void {
    this.#generations.splice(this.#generations.indexOf(generation), 1);
    this.#tell(generation.name);
  }

  #shown({ owner, expiresMs, ...all }: Mutable): Generation {
    const { token: _token, locked: _locked, deadLetters: _letters, ...rest } = all;
    return { ...rest, runner: expiresMs > this.#nowMs() ? owner : null };
  }

  #live(name: string): Mutable | undefined {
    return this.#generations.find((other) => other.name === name && other.role === 'live');
  }

  #building(name: string): Mutable | undefined {
    return this.#generations.find((other) => other.name === name && other.role === 'building');
  }

  #get({ name, generation }: GenerationKey): Mutable | undefined {
    return this.#generations.find(
      (other) => other.name === name && other.generation === generation,
    );
  }

  #held(lease: ProjectionLease): Mutable | undefined {
    const found = this.#get(lease);
    const isHeld =
      found?.owner === lease.owner &&
      found.token === lease.token &&
      found.expiresMs > this.#nowMs();
    return isHeld ? found : undefined;
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }

  /** Listeners hear of things after they happened, never in the middle of a caller's own code. */
  #tell(name: string, news: ProjectionNews = 'changed'): void {
    queueMicrotask(() => this.#listeners.forEach((listener) => listener(name, news)));
  }

  /** Works while nobody else works on the same generations. */
  #alone<T>(generations: readonly (Mutable | undefined)[], work: () => Promise<T>): Promise<T> {
    const found = generations.filter((generation) => generation !== undefined);
    const turn = Promise.all(found.map(({ locked }) => locked)).then(work);
    const ended = turn.catch(() => {});
    for (const generation of found) generation.locked = ended;
    return turn;
  }
}
