import type { SagaStore } from '../sagas/saga-store.ts';

/** A call of a store on its way. */
export interface SagaStoreCall {
  readonly method: Exclude<keyof SagaStore, 'follow'>;
  readonly arguments: readonly unknown[];
  /** Whether it is part of a caller's transaction. */
  readonly inTransaction: boolean;
}

/**
 * Stands between a store and its caller: may fail before the call, after it (the answer is lost), delay either, or never
 * answer. `proceed` makes the call; calling it twice makes it twice.
 */
export type SagaStoreInterceptor = <T>(
  call: SagaStoreCall,
  proceed: () => Promise<T>,
) => Promise<T>;

/** A store whose every call goes through an interceptor. Following a journal does not: it writes nothing. */
export function interceptSagaStore<Tx>(
  store: SagaStore<Tx>,
  intercept: SagaStoreInterceptor,
): SagaStore<Tx> {
  const through = <T>(
    method: SagaStoreCall['method'],
    args: readonly unknown[],
    proceed: () => Promise<T>,
    inTransaction = false,
  ): Promise<T> => intercept({ method, arguments: args, inTransaction }, proceed);
  return {
    create: (saga, options) =>
      through(
        'create',
        [saga, options],
        () => store.create(saga, options),
        options?.transaction !== undefined,
      ),
    commit: (commit, options) =>
      through(
        'commit',
        [commit, options],
        () => store.commit(commit, options),
        options?.transaction !== undefined,
      ),
    transaction: (work) => through('transaction', [], () => store.transaction(work)),
    claim: (request) => through('claim', [request], () => store.claim(request)),
    unclaimable: (definitions) =>
      through('unclaimable', [definitions], () => store.unclaimable(definitions)),
    list: (filter, page) => through('list', [filter, page], () => store.list(filter, page)),
    lockPlaces: (sagaId) => through('lockPlaces', [sagaId], () => store.lockPlaces(sagaId)),
    backlog: (definitions, now) =>
      through('backlog', [definitions, now], () => store.backlog(definitions, now)),
    post: (sagaId, message) =>
      through('post', [sagaId, message], () => store.post(sagaId, message)),
    inbox: (sagaId, seen) => through('inbox', [sagaId, seen], () => store.inbox(sagaId, seen)),
    load: (sagaId) => through('load', [sagaId], () => store.load(sagaId)),
    journal: (sagaId, options) =>
      through('journal', [sagaId, options], () => store.journal(sagaId, options)),
    follow: (sagaId, options) => store.follow(sagaId, options),
    heartbeat: (workerId, ttlMs) =>
      through('heartbeat', [workerId, ttlMs], () => store.heartbeat(workerId, ttlMs)),
    deregister: (workerId) => through('deregister', [workerId], () => store.deregister(workerId)),
    listen: (listener) => through('listen', [listener], () => store.listen(listener)),
    close: () => through('close', [], () => store.close()),
  };
}
