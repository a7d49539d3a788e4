import { setMaxListeners } from 'node:events';
import { PotterError } from '../../errors/potter-error.ts';
import type { Timer } from '../../foundation/clock.ts';
import { newId } from '../../foundation/ids.ts';
import type { ClaimedSaga } from '../saga-store.ts';
import { type EngineContext, errorFields } from './engine-context.ts';
import { persist } from './persist.ts';

/** What a worker does with what it finds. */
export interface WorkerEvents {
  /** How many more sagas there is room for. */
  room(): number;
  /** The sagas it has, or is about to have. */
  known(): readonly string[];
  claimed(sagas: readonly ClaimedSaga[]): void;
  /** A saga that this worker may own has a message. */
  message(sagaId: string): void;
  /** Every saga owned under this worker's id is lost. */
  lost(): void;
}

/** How often to look for sagas nobody here can run. */
const UNCLAIMABLE_EVERY_MS = 60_000;
/** Sagas asked for at once: what more there is, is asked for again, and others who look meanwhile get their part of it. */
const MOST_AT_ONCE = 100;

/**
 * This process's standing in the store: one lease, kept alive by the very poll that looks for work, and given up as soon as it
 * may have run out. One timer and one statement a poll, however many sagas there are.
 */
export class Worker {
  readonly #context: EngineContext<never>;
  readonly #events: WorkerEvents;
  readonly #name: string;
  #generation = 0;
  #life = newLife();
  #running = false;
  #claiming = false;
  #polling = false;
  #pollAgain = false;
  #pollTimer: Timer | undefined;
  #nextPollMs: number = 0;
  #leaseTimer: Timer | undefined;
  #starting: Promise<void> | undefined;
  #registering: Promise<void> | undefined;
  #unlisten: (() => Promise<void>) | undefined;
  /**
   * Whether the store is asked for sagas that it may have given this worker without its knowledge: for a lease's time, which
   * a timer counts, because a clock may be set, and then until a poll that asked, with room for more than it was given, was
   * answered.
   */
  #unsure: 'no' | 'yes' | 'once-more' = 'no';
  #unsureTimer: Timer | undefined;
  #unclaimable = 0;
  #unclaimableAtMs = -Infinity;
  readonly #reported = new Set<string>();

  constructor(context: EngineContext<never>, events: WorkerEvents, name: string = newId()) {
    this.#context = context;
    this.#events = events;
    this.#name = name;
  }

  /** A lost lease is lost under its id: each life has its own. */
  get id(): string {
    return this.#generation === 0 ? this.#name : `${this.#name}.${this.#generation}`;
  }

  /** Fires when this life's lease is or may be lost, and when the worker has stopped. */
  get alive(): AbortSignal {
    return this.#life.signal;
  }

  /** Whether this worker may own sagas. */
  get isClaiming(): boolean {
    return this.#claiming;
  }

  get unclaimable(): number {
    return this.#unclaimable;
  }

  /** Registers with the store and begins to look for work; nothing of it stays when it is stopped meanwhile. */
  async run(): Promise<void> {
    this.#running = true;
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (error) {
      if (this.#running) throw error;
    }
  }

  async #start(): Promise<void> {
    await this.#register();
    const unlisten = await persist(this.#context, this.alive, () =>
      this.#context.store.listen({
        onWork: () => this.look(),
        onMessage: (sagaId) => this.#events.message(sagaId),
      }),
    );
    if (!this.#running) return unlisten();
    this.#unlisten = unlisten;
    this.look();
  }

  /** Looks for work now, and by the way whether the lease still holds. */
  look(): void {
    if (!this.#running) return;
    if (this.#polling) this.#pollAgain = true;
    else void this.#poll();
  }

  /** The store may think that this worker owns sagas it does not know of: the next polls ask for them. */
  doubt(): void {
    this.#unsure = 'yes';
    this.#unsureTimer?.cancel();
    this.#unsureTimer = this.#context.clock.schedule(this.#context.leaseMs, () => {
      this.#unsure = 'once-more';
    });
  }

  /** Goes on holding the lease, but takes no more work. */
  stopClaiming(): void {
    this.#claiming = false;
  }

  /** Gives the lease back: whatever is still owned is claimable at once. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#claiming = false;
    this.#pollTimer?.cancel();
    this.#leaseTimer?.cancel();
    this.#unsureTimer?.cancel();
    const { id } = this;
    this.#life.abort(leaseLost('The engine was stopped.'));
    // A registration still on its way would outlive the goodbye, and its lease would hold up whoever comes next.
    await Promise.allSettled([this.#starting, this.#registering]);
    try {
      await this.#unlisten?.();
      await this.#context.store.deregister(id);
    } catch (error) {
      this.#context.logger.warn(
        'The saga store could not be told goodbye; the lease will run out.',
        errorFields(error),
      );
    }
  }

  #register(): Promise<void> {
    this.#registering = this.#registerNow();
    return this.#registering;
  }

  async #registerNow(): Promise<void> {
    const sentMs = this.#nowMs();
    const registered = await persist(this.#context, this.alive, () =>
      this.#context.store.heartbeat(this.id, this.#context.leaseMs),
    );
    if (!registered) return this.#lose();
    this.#extend(sentMs);
    this.#claiming = this.#running;
  }

  /** The store counts from when it heard us, which is later than when we spoke: counting from then errs on the safe side. */
  #extend(sentMs: number): void {
    this.#leaseTimer?.cancel();
    const remainingMs = sentMs + this.#context.leaseMs - this.#nowMs();
    this.#leaseTimer = this.#context.clock.schedule(remainingMs, () => void this.#lose());
  }

  async #lose(): Promise<void> {
    if (!this.#running) return;
    const stopping = !this.#claiming;
    this.#context.metrics.leaseLost();
    this.#context.logger.warn('This process lost the lease of its sagas and drops them.', {
      code: 'SAGA_LEASE_LOST',
      workerId: this.id,
    });
    this.#claiming = false;
    this.#leaseTimer?.cancel();
    this.#life.abort(leaseLost(`The lease of worker ${this.id} ran out.`));
    this.#life = newLife();
    this.#generation += 1;
    // A poll of the life before may never be answered; it must not keep this one from looking.
    this.#polling = false;
    this.#pollTimer?.cancel();
    this.#events.lost();
    if (stopping) return;
    try {
      await this.#register();
      this.look();
    } catch (error) {
      if (!this.#running) return;
      this.#context.logger.error(
        'This process could not register again; it runs no sagas.',
        errorFields(error),
      );
    }
  }

  async #poll(): Promise<void> {
    const generation = this.#generation;
    this.#pollTimer?.cancel();
    this.#polling = true;
    do {
      this.#pollAgain = false;
      this.#nextPollMs = this.#context.pollMs;
      await this.#claim();
      if (generation !== this.#generation) return;
    } while (this.#pollAgain && this.#running);
    this.#polling = false;
    if (!this.#running) return;
    // One claim at a time, whoever asks for it: of two, the answer that comes last would count.
    this.#pollTimer = this.#context.clock.schedule(this.#nextPollMs, () => this.look());
  }

  async #claim(): Promise<void> {
    const { store, leaseMs, definitions, clock, logger, metrics } = this.#context;
    const { id } = this;
    const limit = this.#claiming ? Math.max(0, Math.min(MOST_AT_ONCE, this.#events.room())) : 0;
    const sentMs = this.#nowMs();
    const unsure = this.#unsure;
    try {
      const claimed = await store.claim({
        workerId: id,
        ttlMs: leaseMs,
        limit,
        now: clock.now(),
        known: unsure === 'no' ? null : this.#events.known(),
        definitions: definitions.versions,
      });
      // What came for an earlier life is not ours; its lease is gone, so it will be claimed again.
      if (id !== this.id || !this.#running) return;
      if (claimed.kind === 'lease-lost') return await this.#lose();
      this.#extend(sentMs);
      // An answer as long as the room for it may not have said all.
      const saidAll = claimed.sagas.length < limit;
      if (unsure === 'once-more' && this.#unsure === unsure && saidAll) this.#unsure = 'no';
      for (const sagaId of claimed.messages) this.#events.message(sagaId);
      this.#events.claimed(claimed.sagas);
      const { sagas, lookAgainInMs = Infinity } = claimed;
      if (limit > 0 && (sagas.length === limit || lookAgainInMs <= 0)) this.#pollAgain = true;
      this.#nextPollMs = Math.min(this.#nextPollMs, Math.ceil(lookAgainInMs));
      await this.#lookForUnclaimable();
    } catch (error) {
      // The claim may have been made, or may yet be, although its answer is lost.
      this.doubt();
      const fields = errorFields(error);
      metrics.storeError(fields.code);
      logger.warn('Looking for sagas failed; trying again at the next poll.', fields);
    }
  }

  async #lookForUnclaimable(): Promise<void> {
    const { store, definitions, logger } = this.#context;
    if (this.#nowMs() - this.#unclaimableAtMs < UNCLAIMABLE_EVERY_MS) return;
    this.#unclaimableAtMs = this.#nowMs();
    const found = await store.unclaimable(definitions.versions);
    this.#unclaimable = found.reduce((sum, { count }) => sum + count, 0);
    for (const { name, version, count } of found) {
      if (this.#reported.has(`${name}@${version}`)) continue;
      this.#reported.add(`${name}@${version}`);
      logger.warn('Sagas of a definition that this process was not given are left alone.', {
        code: 'SAGA_DEFINITION_UNKNOWN',
        definition: name,
        definitionVersion: version,
        count,
      });
    }
  }

  #nowMs(): number {
    return this.#context.clock.now().getTime();
  }
}

/** Listened to by every saga that waits for a store that is away: however many they are, Node has nothing to warn of. */
function newLife(): AbortController {
  const life = new AbortController();
  setMaxListeners(0, life.signal);
  return life;
}

function leaseLost(message: string): PotterError {
  return new PotterError('SAGA_LEASE_LOST', {
    message,
    remedy: 'Another process goes on with the saga; stop what you are doing for it.',
  });
}
