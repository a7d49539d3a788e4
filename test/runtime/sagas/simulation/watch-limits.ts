import { isFinished } from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import type { ClaimLimits } from '../../../../runtime/src/sagas/definition/limits.ts';
import type { ClaimedSaga, ClaimRequest } from '../../../../runtime/src/sagas/saga-store.ts';
import type { Store, World } from './world.ts';

/** What is known of a saga with limits from the calls that were made about it. */
interface Watched {
  readonly sagaId: string;
  readonly key: string;
  readonly priority: number;
  wakeAtMs: number;
  owner: string | null;
  /** It was taken up once. */
  begun: boolean;
  /** Something was said to it: it goes before others, by an order that is not looked at here. */
  told: boolean;
  over: boolean;
}

/**
 * Keeps count, beside the store, of which sagas of a definition with limits are owned, and looks at each claim: that it leaves no
 * more owned than allowed, and that it was those sagas' turn.
 */
export class LimitsWatch {
  readonly #world: World;
  readonly #definition: string;
  readonly #limits: ClaimLimits;
  readonly #sagas = new Map<string, Watched>();
  /** When each worker's lease runs out. */
  readonly #leases = new Map<string, number>();
  readonly #begunMs: number[] = [];

  constructor(world: World, definition: string, limits: ClaimLimits) {
    this.#world = world;
    this.#definition = definition;
    this.#limits = limits;
  }

  /** Every call of the store is made as it is; what it says is remembered in the order in which it happened. */
  watch(store: Store): Store {
    return {
      ...interceptSagaStore(store, (_call, proceed) => proceed()),
      create: async (saga, options) => {
        const outcome = await store.create(saga, options);
        const { sagaId, limitKey, priority = 0, summary } = saga;
        if (outcome.created && limitKey !== undefined && !this.#sagas.has(sagaId)) {
          const wakeAtMs = summary.wakeAt?.getTime() ?? Infinity;
          const fresh = { owner: null, begun: false, told: false, over: false };
          this.#sagas.set(sagaId, { sagaId, key: limitKey, priority, wakeAtMs, ...fresh });
        }
        return outcome;
      },
      post: async (sagaId, message) => {
        const outcome = await store.post(sagaId, message);
        const saga = this.#sagas.get(sagaId);
        if (saga && outcome.kind === 'accepted') saga.told = true;
        return outcome;
      },
      commit: async (commit, options) => {
        const outcome = await store.commit(commit, options);
        const saga = this.#sagas.get(commit.sagaId);
        if (saga && outcome.kind === 'committed') {
          saga.wakeAtMs = commit.summary.wakeAt?.getTime() ?? Infinity;
          saga.over = isFinished(commit.summary.status);
          if (commit.release) saga.owner = null;
        }
        return outcome;
      },
      heartbeat: async (workerId, ttlMs) => {
        const alive = await store.heartbeat(workerId, ttlMs);
        if (alive) this.#leases.set(workerId, this.#world.nowMs + ttlMs);
        return alive;
      },
      deregister: async (workerId) => {
        await store.deregister(workerId);
        this.#leases.delete(workerId);
      },
      claim: async (request) => {
        const outcome = await store.claim(request);
        if (outcome.kind === 'claimed') {
          this.#leases.set(request.workerId, this.#world.nowMs + request.ttlMs);
          this.#claimed(request, outcome.sagas);
        }
        return outcome;
      },
    };
  }

  #claimed(request: ClaimRequest, claimed: readonly ClaimedSaga[]): void {
    const starts: Watched[] = [];
    for (const { sagaId, definition, lease } of claimed) {
      const saga = this.#sagas.get(sagaId);
      if (definition !== this.#definition || !saga) continue;
      if (!saga.begun && !saga.told) starts.push(saga);
      if (lease.token === 1n) this.#begins(sagaId);
      saga.begun = true;
      saga.owner = request.workerId;
    }
    const { concurrency, perKey } = this.#limits;
    const owned = this.#owned();
    if (owned.length > (concurrency ?? Infinity)) {
      this.#world.report(
        'no more at once than allowed',
        `${owned.length} are owned, ${concurrency} allowed`,
      );
    }
    for (const key of new Set(owned.map((saga) => saga.key))) {
      const count = this.#countOf(key);
      if (count <= (perKey ?? Infinity)) continue;
      this.#world.report(
        'no more of a key at once than allowed',
        `${count} of '${key}' are owned, ${perKey} allowed`,
      );
    }
    this.#inTurn(request, starts);
  }

  /** Whether none of those left behind was to go before one that was taken up. */
  #inTurn({ now }: ClaimRequest, starts: readonly Watched[]): void {
    const { perKey } = this.#limits;
    const left = [...this.#sagas.values()].filter(
      ({ begun, told, over, wakeAtMs }) => !begun && !told && !over && wakeAtMs <= now.getTime(),
    );
    for (const start of starts) {
      for (const other of left) {
        if (other.key === start.key && other.priority > start.priority) {
          this.#world.report(
            'the higher priority goes first',
            `${start.sagaId} went before ${other.sagaId}`,
          );
        }
        if (other.key === start.key) continue;
        // Those of its key that were begun before go before it.
        const before = [...this.#sagas.values()].filter(
          (saga) => saga.key === other.key && !this.#isOwned(saga) && (saga.begun || saga.told),
        );
        const place =
          this.#countOf(other.key) + before.filter(({ over, told }) => told || !over).length + 1;
        if (place >= this.#countOf(start.key) || place > (perKey ?? Infinity)) continue;
        this.#world.report(
          'the keys with the fewest running go first',
          `${start.sagaId} of '${start.key}' went before ${other.sagaId} of '${other.key}'`,
        );
      }
    }
  }

  #begins(sagaId: string): void {
    const { rate } = this.#limits;
    const { nowMs } = this.#world;
    this.#begunMs.push(nowMs);
    const before = rate ? this.#begunMs.at(-1 - rate.count) : undefined;
    if (!rate || before === undefined || nowMs - before >= rate.perMs) return;
    this.#world.report(
      'no more are begun in any time than the rate allows',
      `${sagaId} is number ${rate.count + 1} within ${nowMs - before} ms of ${rate.perMs}`,
    );
  }

  #isOwned({ owner }: Watched): boolean {
    return owner !== null && (this.#leases.get(owner) ?? -Infinity) > this.#world.nowMs;
  }

  #owned(): readonly Watched[] {
    return [...this.#sagas.values()].filter((saga) => this.#isOwned(saga));
  }

  #countOf(key: string): number {
    return this.#owned().filter((saga) => saga.key === key).length;
  }
}
