import { PotterError } from '../../errors/potter-error.ts';
import { durationMs, type Duration } from '../../foundation/duration.ts';
import { newId } from '../../foundation/ids.ts';
import { sleep } from '../../foundation/sleep.ts';
import type { TraceContext } from '../../observability/tracer.ts';
import { startFingerprint } from '../definition/definition-hash.ts';
import { lockKeysOf } from '../definition/lock-keys.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import { nextWork, summaryOf } from '../machine/next-work.ts';
import { restore } from '../machine/saga-snapshot.ts';
import { begin } from '../machine/transition.ts';
import { CHILD_MARK } from '../nodes/child.ts';
import type { SagaEngine, StartedSaga, StartOptions } from '../saga-engine.ts';
import type { ParentLink, SagaError } from '../saga-event.ts';
import type { ClaimedSaga, Lease, SagaStore } from '../saga-store.ts';
import { asStored } from '../stored-value.ts';
import { ChildSagas } from './child-sagas.ts';
import type { Ownership } from './commit-plan.ts';
import { type EngineContext, errorFields } from './engine-context.ts';
import { tellPerson, watchBacklog } from './attention.ts';
import { OwnedSaga } from './owned-saga.ts';
import { persist } from './persist.ts';
import { type SagaHost, sagaLost } from './saga-host.ts';
import { takeoverOf } from './takeover.ts';
import { Worker } from './worker.ts';

/** A saga to be created: by whom, and whether it is ever to begin. */
interface Creation<Tx> extends Omit<StartOptions<Tx>, 'sagaId'> {
  readonly sagaId: string;
  readonly parent?: ParentLink;
  readonly under?: readonly string[];
  readonly undone?: SagaError;
}

/** The running part of an engine: accepts sagas, and runs those that this process owns. */
export class Orchestrator<Tx> implements Pick<SagaEngine<Tx>, 'start' | 'run' | 'stop'> {
  readonly #context: EngineContext<Tx>;
  readonly #worker: Worker;
  readonly #owned = new Map<string, OwnedSaga>();
  /** Sagas about to be owned, started or claimed: they need room, and their ids are taken. */
  readonly #starting = new Set<string>();
  readonly #children: ChildSagas;
  #stopping = false;
  #hostOfLease: SagaHost | undefined;
  #whenIdle: (() => void) | undefined;

  /** @param workerId this process's name. */
  constructor(context: EngineContext<Tx>, workerId: string | undefined) {
    this.#context = context;
    this.#children = new ChildSagas(
      this.#context.store,
      () => this.#context.clock.now(),
      (definition, input, child) => this.#create(definition, input, child, undefined),
    );
    this.#worker = new Worker(
      this.#context as unknown as EngineContext<never>,
      {
        room: () => this.#room(),
        known: () => this.#known(),
        claimed: (sagas) => void this.#adoptAll(sagas),
        message: (sagaId) => void this.#heard(sagaId),
        lost: () => this.#loseAll(),
      },
      workerId,
    );
    this.#context.metrics.watch(
      () => this.#owned.size,
      () => this.#worker.unclaimable,
    );
    watchBacklog(this.#context);
  }

  async start<Input>(
    definition: SagaDefinition<Input, Tx>,
    input: NoInfer<Input>,
    options: StartOptions<Tx> = {},
  ): Promise<StartedSaga> {
    const known = this.#context.definitions.get(definition.name, definition.version);
    const sagaId = checkedId(options.sagaId ?? newId());
    return this.#context.tracer.span(
      `saga start ${definition.name}`,
      { attributes: { 'potter.saga.id': sagaId, 'potter.saga.definition': definition.name } },
      (span) =>
        this.#create(known, checkedInput(known, input), { ...options, sagaId }, span.context()),
    );
  }

  async #create(
    definition: SagaDefinition,
    input: unknown,
    options: Creation<Tx>,
    trace: TraceContext | undefined,
  ): Promise<StartedSaga> {
    const { store, clock, random, metrics } = this.#context;
    const { sagaId, transaction, correlationId = sagaId, parent, undone } = options;
    const priority = checkedPriority(options.priority);
    const { locks, under } = lockKeysOf(definition, input, options.under);
    const limits = this.#context.definitions.limitsOf(definition.name);
    const taken = this.#owned.has(sagaId) || this.#starting.has(sagaId);
    const owned =
      transaction === undefined &&
      !undone &&
      locks.length === 0 &&
      !limits &&
      this.#worker.isClaiming &&
      this.#room() > 0 &&
      !taken;
    const lease: Lease | null = owned ? { workerId: this.#worker.id, token: 1n } : null;
    const now = clock.now();
    const beginning = {
      sagaId,
      input,
      correlationId,
      trace,
      parent,
      locks,
      under,
      owned,
      ...(undone && { undone }),
    };
    const { state, events } = begin(definition, beginning, { now, random });
    const saga = {
      sagaId,
      definition: definition.name,
      definitionVersion: definition.version,
      correlationId,
      // What a child is started with is asked for again by a parent that died before it knew: the first answer counts.
      fingerprint: startFingerprint(definition.name, parent ?? input),
      events,
      summary: summaryOf(definition, state, nextWork(definition, state, now)),
      ...(state.lock === 'waiting' && { locks }),
      ...(limits && { limitKey: limits.keyOf(input) }),
      ...(priority > 0 && { priority }),
    };
    const call = (): ReturnType<SagaStore['create']> =>
      store.create(saga, { lease, ...(transaction !== undefined && { transaction }) });
    if (!lease) {
      const { created, status } = await call();
      if (created) metrics.started(definition.name);
      return { sagaId, status, created };
    }
    this.#starting.add(sagaId);
    try {
      // The answer may be lost after the saga was stored as ours; asking again, with the same lease, finds out.
      const { created, status } = await persist(this.#context, this.#worker.alive, call);
      if (!created) return { sagaId, status, created };
      metrics.started(definition.name);
      const seq = BigInt(events.length);
      const ownership = { sagaId, definition, lease, state, seq, snapshotSeq: 0n, inboxSeen: 0n };
      // A lease that was lost meanwhile leaves the saga to whoever claims it.
      if (lease.workerId === this.#worker.id) this.#own(ownership).begin([], []);
      return { sagaId, status, created };
    } catch (error) {
      throw this.#worker.isClaiming || !(error instanceof PotterError && error.code === 'ABORTED')
        ? unavailableUnless(error)
        : new PotterError('SHUTTING_DOWN', {
            message: `The engine was stopped while saga '${sagaId}' was being accepted.`,
            remedy: 'Start it again under the same id: it may have been accepted.',
            cause: error,
          });
    } finally {
      this.#starting.delete(sagaId);
    }
  }

  async run(): Promise<void> {
    this.#stopping = false;
    await this.#worker.run();
  }

  async stop(options: { readonly timeout?: Duration } = {}): Promise<void> {
    const { clock } = this.#context;
    this.#stopping = true;
    this.#worker.stopClaiming();
    // Whatever only waits is given back by its next commit; whatever runs, when its attempt ends.
    for (const saga of this.#owned.values()) saga.tell({ kind: 'timer' });
    if (this.#owned.size > 0) {
      const timeout = new AbortController();
      const idle = new Promise<void>((resolve) => (this.#whenIdle = resolve));
      const late = sleep(durationMs(options.timeout ?? '10s'), { clock, signal: timeout.signal });
      await Promise.race([idle, late]);
      timeout.abort();
      await late.catch(() => {});
    }
    const reason = new PotterError('SHUTTING_DOWN', { message: 'The process is stopping.' });
    for (const saga of this.#owned.values()) saga.abandon(reason);
    this.#owned.clear();
    await this.#worker.stop();
  }

  #room(): number {
    return this.#context.concurrency - this.#owned.size - this.#starting.size;
  }

  #known(): readonly string[] {
    const staying = [...this.#owned.values()].filter(({ isLeaving }) => !isLeaving);
    return [...staying.map(({ sagaId }) => sagaId), ...this.#starting];
  }

  async #adoptAll(sagas: readonly ClaimedSaga[]): Promise<void> {
    const host = this.#host();
    for (const { sagaId } of sagas) this.#starting.add(sagaId);
    for (const saga of sagas) {
      try {
        await this.#adopt(saga, host);
      } catch (error) {
        this.#context.logger.error(
          'A claimed saga could not be taken up; it waits until this process ends.',
          {
            sagaId: saga.sagaId,
            ...errorFields(error),
          },
        );
      } finally {
        this.#starting.delete(saga.sagaId);
      }
    }
  }

  async #adopt(saga: ClaimedSaga, host: SagaHost): Promise<void> {
    const { clock, definitions, metrics, logger } = this.#context;
    const { sagaId, lease, inbox, inboxSeen } = saga;
    const definition = definitions.get(saga.definition, saga.definitionVersion);
    const restored = await restore(saga, (id) =>
      persist(this.#context, host.alive, () => this.#context.store.journal(id)),
    );
    if (host.alive.aborted || lease.workerId !== this.#worker.id) return;
    const takeover = takeoverOf(definition, saga, restored.state, clock.now());
    if (lease.token !== 1n) {
      const { running } = nextWork(definition, restored.state, clock.now());
      if (running.length > 0) metrics.takeover(saga.definition);
    }
    if (!takeover.fits) {
      logger.error(
        'A saga was begun by a form of its definition that this one cannot go on with.',
        {
          sagaId,
          definition: saga.definition,
          definitionVersion: saga.definitionVersion,
        },
      );
    }
    const ownership = { ...restored, sagaId, definition, lease, inboxSeen };
    this.#own(ownership, host).begin(takeover.inputs, inbox);
  }

  #own(ownership: Ownership, host: SagaHost = this.#host()): OwnedSaga {
    const context = this.#context as unknown as EngineContext<unknown>;
    const saga = new OwnedSaga(context, host, ownership);
    this.#owned.get(saga.sagaId)?.lose(sagaLost(saga.sagaId));
    this.#owned.set(saga.sagaId, saga);
    return saga;
  }

  /** One for all sagas of a lease. */
  #host(): SagaHost {
    const { alive } = this.#worker;
    if (this.#hostOfLease?.alive !== alive) this.#hostOfLease = this.#hostOf(alive);
    return this.#hostOfLease;
  }

  #hostOf(alive: AbortSignal): SagaHost {
    return {
      alive,
      isStopping: () => this.#stopping,
      startChild: (node, invocation, held) => this.#children.start(node, invocation, held),
      undoChild: (node, invocation) => this.#children.undo(node, invocation),
      tellParent: (sagaId, state) => this.#children.tellParent(sagaId, state),
      needsPerson: (sagaId, state) => tellPerson(this.#context, sagaId, state),
      gone: (saga, how) => {
        const wasFull = this.#room() <= 0;
        if (this.#owned.get(saga.sagaId) === saga) this.#owned.delete(saga.sagaId);
        if (this.#owned.size === 0) this.#whenIdle?.();
        if (how !== 'released') this.#worker.doubt();
        // A refused write may mean that the whole lease is gone; and where there was no room, there is some now.
        const limited = this.#context.definitions.limitsOf(saga.definition.name);
        if (how === 'lost' || wasFull || limited) this.#worker.look();
      },
    };
  }

  async #heard(sagaId: string): Promise<void> {
    try {
      await this.#owned.get(sagaId)?.readInbox();
    } catch (error) {
      this.#context.logger.debug(
        'A message was announced but could not be read.',
        errorFields(error),
      );
    }
  }

  #loseAll(): void {
    const reason = new PotterError('SAGA_LEASE_LOST', {
      message: 'This process was silent for too long; another one runs its sagas now.',
    });
    const lost = [...this.#owned.values()];
    this.#owned.clear();
    for (const saga of lost) saga.lose(reason);
    this.#whenIdle?.();
  }
}

function checkedPriority(priority: number = 0): number {
  if (Number.isInteger(priority) && priority >= 0 && priority <= 9) return priority;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `A saga cannot have priority ${priority}.`,
    remedy: 'Use a whole number from 0 to 9; the higher go first.',
  });
}

/** Keys are made of the id and paths, joined by `/`. */
function checkedId(sagaId: string): string {
  if (sagaId.includes(CHILD_MARK)) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `'${sagaId}' cannot be the id of a saga: '${CHILD_MARK}' is for the ids of sagas within sagas.`,
      remedy: `Use an id without '${CHILD_MARK}'.`,
    });
  }
  if (/^[^/\p{Cc}\s]{1,200}$/u.test(sagaId)) return sagaId;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `'${sagaId}' cannot be the id of a saga.`,
    remedy: "Use 1 to 200 characters without spaces, control characters, '/' and '::'.",
  });
}

function checkedInput({ parseInput }: SagaDefinition, input: unknown): unknown {
  return asStored(parseInput ? parseInput(input) : input);
}

function unavailableUnless(error: unknown): unknown {
  return error instanceof PotterError && error.code === 'ABORTED'
    ? new PotterError('DATABASE_UNAVAILABLE', {
        message:
          'The saga store did not answer within the lease; the saga may or may not have started.',
        remedy: 'Start it again under the same id.',
        cause: error,
      })
    : error;
}
