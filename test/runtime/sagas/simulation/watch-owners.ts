import { interceptSagaStore } from 'potter-runtime/testing';
import type { Store, World } from './world.ts';

/** Remembers who owned what, to see that nobody writes after somebody else took over. */
export function watchOwners({ report }: World, store: Store): Store {
  const newestToken = new Map<string, bigint>();
  return {
    ...interceptSagaStore(store, (_call, proceed) => proceed()),
    claim: async (request) => {
      const outcome = await store.claim(request);
      if (outcome.kind === 'claimed') {
        for (const { sagaId, lease } of outcome.sagas) newestToken.set(sagaId, lease.token);
      }
      return outcome;
    },
    commit: async (commit, options) => {
      const outcome = await store.commit(commit, options);
      const newest = newestToken.get(commit.sagaId) ?? 1n;
      if (outcome.kind === 'committed' && commit.lease.token < newest) {
        const { sagaId, lease } = commit;
        report(
          'no two owners commit',
          `${lease.workerId} wrote ${sagaId} with token ${lease.token}, newest ${newest}`,
        );
      }
      return outcome;
    },
  };
}
