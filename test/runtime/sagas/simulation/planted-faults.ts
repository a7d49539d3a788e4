import type { NewSaga } from '../../../../runtime/src/sagas/saga-store.ts';
import type { ClaimLimits } from '../../../../runtime/src/sagas/definition/limits.ts';
import type { AttemptedNode } from '../../../../runtime/src/sagas/nodes/node.ts';
import type { SagaDefinition, SagaEvent } from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import type { Plant, Store } from './world.ts';

/** A fault around the engine, and the rule that it breaks. */
interface PlantedFault {
  readonly fault: string;
  readonly rule: string;
  readonly plant: Plant;
}

/** A store to build a wrong one from. */
const delegate = (store: Store): Store => interceptSagaStore(store, (_call, proceed) => proceed());

/** A store that takes other limits than it is told. */
function claiming(change: (limits: ClaimLimits) => { readonly limits?: ClaimLimits }): Plant {
  return {
    store: (store) => ({
      ...delegate(store),
      claim: (request) =>
        store.claim({
          ...request,
          definitions: request.definitions.map(({ limits, ...version }) => ({
            ...version,
            ...(limits && change(limits)),
          })),
        }),
    }),
  };
}

/** A store that keeps something else than it is given. */
function creating(change: (saga: NewSaga) => NewSaga): Plant {
  return {
    store: (store) => ({
      ...delegate(store),
      create: (saga, options) => store.create(change(saga), options),
    }),
  };
}

/** A definition whose steps hand on keys with their present names, whatever they were begun under. */
function withKeysOfNewNames<Known extends SagaDefinition<unknown, never>>(
  definition: Known,
): Known {
  const renamed = [...definition.migrateFrom.values()].flatMap((names) => Object.entries(names));
  const attempted = [...definition.attempted].map(([path, node]): [string, AttemptedNode] => {
    const old = renamed.find(([, name]) => name === path)?.[0];
    if (old === undefined || node.kind !== 'step') return [path, node];
    const execute: typeof node.execute = ({ key, signal }) =>
      node.execute({ key: key.replace(`/${old}/`, `/${path}/`), signal } as never);
    return [path, { ...node, execute }];
  });
  return { ...definition, attempted: new Map(attempted) };
}

function withoutRemaining(event: SagaEvent): SagaEvent {
  return event.type === 'SagaAbandoned' ? { ...event, remaining: [] } : event;
}

export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    fault: 'commits that are answered before they are durable',
    rule: 'intent before effect',
    plant: {
      store: (store, clock) => ({
        ...delegate(store),
        commit: async (commit, options) => {
          if (options?.transaction !== undefined) return store.commit(commit, options);
          clock.schedule(30, () => void store.commit(commit));
          return { kind: 'committed', seq: commit.expectedSeq + BigInt(commit.events.length) };
        },
      }),
    },
  },
  {
    fault: 'tokens that are not checked',
    rule: 'no two owners commit',
    plant: {
      store: (store) => {
        const newest = new Map<string, { workerId: string; token: bigint }>();
        return {
          ...delegate(store),
          claim: async (request) => {
            const outcome = await store.claim(request);
            if (outcome.kind === 'claimed') {
              for (const { sagaId, lease } of outcome.sagas) newest.set(sagaId, lease);
            }
            return outcome;
          },
          commit: async (commit, options) => {
            const outcome = await store.commit(commit, options);
            const lease = newest.get(commit.sagaId);
            if (outcome.kind !== 'lease-lost' || !lease) return outcome;
            const expectedSeq = BigInt((await store.journal(commit.sagaId)).length);
            return store.commit({ ...commit, lease, expectedSeq }, options);
          },
        };
      },
    },
  },
  {
    fault: 'commits that do not look into the inbox',
    rule: 'nothing is stranded',
    plant: {
      store: (store) => ({
        ...delegate(store),
        claim: async (request) => {
          const outcome = await store.claim(request);
          return outcome.kind === 'claimed' ? { ...outcome, messages: [] } : outcome;
        },
        inbox: async () => [],
        commit: (commit, options) => store.commit({ ...commit, inboxSeen: 1_000_000n }, options),
      }),
    },
  },
  { fault: 'an undo that is skipped', rule: 'no lost undo', plant: { forgetsUndoOf: 'one' } },
  {
    fault: 'a participant that does not honour keys',
    rule: 'each effect at most once',
    plant: { deafToKeys: true },
  },
  {
    fault: 'work that nobody is told of and nobody looks for',
    rule: 'nothing is stranded',
    plant: {
      store: (store) => ({
        ...delegate(store),
        claim: async (request) => store.claim({ ...request, limit: 0 }),
      }),
    },
  },
  {
    fault: 'limits that a claim does not look at',
    rule: 'no more at once than allowed',
    plant: claiming(() => ({})),
  },
  {
    fault: 'limits of a key that a claim does not look at',
    rule: 'no more of a key at once than allowed',
    plant: claiming((limits) => ({ limits: { ...limits, perKey: null } })),
  },
  {
    fault: 'rates that a claim does not look at',
    rule: 'no more are begun in any time than the rate allows',
    plant: claiming((limits) => ({ limits: { ...limits, rate: null } })),
  },
  {
    fault: 'keys that are all taken for one',
    rule: 'the keys with the fewest running go first',
    plant: creating(({ limitKey, ...saga }) => ({
      ...saga,
      ...(limitKey !== undefined && { limitKey: 'all' }),
    })),
  },
  {
    fault: 'priorities that are forgotten',
    rule: 'the higher priority goes first',
    plant: creating((saga) => ({ ...saga, priority: 0 })),
  },
  {
    fault: 'undos that go on after one that gave up is to end the saga',
    rule: 'model: what is to end where an undo gives up waits for nobody',
    plant: {
      definition: (definition) =>
        definition.onCompensationFailure === 'fail'
          ? { ...definition, onCompensationFailure: 'pause' }
          : definition,
    },
  },
  {
    fault: 'ends that do not say what is left to be undone',
    rule: 'no lost undo',
    plant: {
      store: (store) => ({
        ...delegate(store),
        commit: ({ events, ...commit }, options) =>
          store.commit({ ...commit, events: events.map(withoutRemaining) }, options),
      }),
    },
  },
  {
    fault: 'keys that change with the name of their step',
    rule: 'each effect at most once',
    plant: { definition: withKeysOfNewNames },
  },
];
