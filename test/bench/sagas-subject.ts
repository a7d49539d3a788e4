import { Rejection } from 'potter-runtime/errors';
import { newId } from 'potter-runtime/foundation';
import {
  isSettled,
  saga,
  type SagaDefinition,
  type SagaEngine,
  type SagaStore,
} from 'potter-runtime/sagas';

/** What every saga of the benches is started with. */
export interface BenchInput {
  readonly orderId: string;
}

/** Steps that do nothing: what is measured is what comes between them. In the undone one the last says no. */
export function benchSaga<Tx>(steps: number, fails: boolean): SagaDefinition<BenchInput, Tx> {
  const name = `bench-${steps}-${fails ? 'undone' : 'done'}`;
  let builder = saga<BenchInput, Tx>(name, { version: 1 });
  for (let n = 1; n < steps; n += 1) {
    // Its name is not known to the compiler, so its results have no type either.
    builder = builder.step<string, { ok: boolean }>(`step-${n}`, {
      execute: () => ({ ok: true }),
      compensate: () => {},
    });
  }
  const last = {
    execute: () => {
      if (fails) throw new Rejection('REFUSED', 'The last step says no.');
      return { ok: true };
    },
  };
  return builder.step('last', last).build();
}

/** How often a store was written to, and when a saga was written to for the last time. */
export interface Watch {
  writes: number;
  /** Resolves when the saga's last commit is durable, without asking the database. Ask before it is started. */
  settled(sagaId: string): Promise<void>;
}

/** Watches a store from now on. @param ended called for every saga that ends here, whoever started it */
export function watch<Tx>(store: SagaStore<Tx>, ended: () => void = () => {}): Watch {
  const waiting = new Map<string, () => void>();
  const watched: Watch = {
    writes: 0,
    settled: (sagaId) => new Promise((resolve) => waiting.set(sagaId, resolve)),
  };
  const create = store.create.bind(store);
  const commit = store.commit.bind(store);
  store.create = (...args) => {
    watched.writes += 1;
    return create(...args);
  };
  store.commit = (...args) => {
    watched.writes += 1;
    const outcome = commit(...args);
    const [{ sagaId, summary }] = args;
    if (!isSettled(summary.status)) return outcome;
    return outcome.then((known) => {
      waiting.get(sagaId)?.();
      waiting.delete(sagaId);
      ended();
      return known;
    });
  };
  return watched;
}

/** Starts a saga and waits for its end. */
export async function runSaga<Tx>(
  engine: SagaEngine<Tx>,
  watched: Watch,
  definition: SagaDefinition<BenchInput, Tx>,
): Promise<void> {
  const sagaId = newId();
  const settled = watched.settled(sagaId);
  await engine.start(definition, { orderId: 'order-1' }, { sagaId });
  await settled;
}
