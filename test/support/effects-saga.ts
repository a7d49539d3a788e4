import { Rejection } from '../../runtime/src/errors/rejection.ts';
import { exponentialBackoff } from '../../runtime/src/foundation/backoff.ts';
import type {
  PostgresPool,
  PostgresTransaction,
} from '../../runtime/src/postgres/connection/client.ts';
import { fence } from '../../runtime/src/postgres/fences/fence.ts';
import { inTransaction } from '../../runtime/src/postgres/connection/transaction.ts';
import type { SagaLimits } from '../../runtime/src/sagas/definition/limits.ts';
import { saga } from '../../runtime/src/sagas/definition/saga.ts';
import type { SagaDefinition } from '../../runtime/src/sagas/definition/saga-definition.ts';

/** What the saga is told to do. */
export interface EffectsInput {
  /** The last step refuses, so that everything is undone. */
  readonly refuse: boolean;
  /** How long the first step takes, in milliseconds. */
  readonly stepMs?: number;
  /** A key that it locks. */
  readonly key?: string;
}

/** Where participants note what they did. Nothing in it stops a second row for one key: tests look for those. */
export const EFFECTS_TABLE =
  'CREATE TABLE effects (no bigserial PRIMARY KEY, saga_id text NOT NULL, key text NOT NULL)';

export const REMOTE_STEPS = ['reserve-inventory', 'process-payment', 'create-shipment'] as const;

const retry = exponentialBackoff({ maxAttempts: 50, initialDelay: 20, maxDelay: 200 });

/** A saga of three participants behind fences and one step in the saga's own transaction. */
export function effectsSaga(
  pool: PostgresPool,
  limits?: SagaLimits<EffectsInput>,
  version = 1,
): SagaDefinition<EffectsInput, PostgresTransaction> {
  const call = (sagaId: string, key: string): Promise<string | undefined> =>
    inTransaction(pool, (tx) =>
      fence(tx, key, async () => {
        await note(tx, sagaId, key);
        return key;
      }),
    );
  const remote = {
    execute: async ({ sagaId, key }: Attempt) => (await call(sagaId, key)) ?? null,
    compensate: async ({ sagaId, key }: Attempt) => void (await call(sagaId, key)),
    retry,
    compensateRetry: retry,
  };
  return saga<EffectsInput, PostgresTransaction>('effects-saga', {
    version,
    ...(version > 1 && { migrateFrom: { 1: {} } }),
    snapshotEvery: 3,
    lock: ({ input }) => input.key ?? [],
    ...(limits && { limits }),
  })
    .step('reserve-inventory', {
      ...remote,
      execute: async (attempt: Attempt) => {
        await pause(attempt.input.stepMs, attempt.signal);
        return remote.execute(attempt);
      },
    })
    .step('process-payment', remote)
    .step('create-shipment', remote)
    .transactionalStep('complete-order', {
      execute: async ({ tx, sagaId, key, input }) => {
        await note(tx, sagaId, key);
        if (input.refuse) throw new Rejection('REFUSED', 'The last step says no.');
        return null;
      },
      retry,
    })
    .build();
}

function note(tx: PostgresTransaction, sagaId: string, key: string): Promise<unknown> {
  return tx.query({
    text: 'INSERT INTO effects (saga_id, key) VALUES ($1, $2)',
    values: [sagaId, key],
  });
}

interface Attempt {
  readonly sagaId: string;
  readonly key: string;
  readonly input: EffectsInput;
  readonly signal: AbortSignal;
}

function pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
  if (ms === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What the effects of one finished saga must be, in their order. */
export function expectedEffects(
  sagaId: string,
  status: 'completed' | 'compensated',
): readonly string[] {
  const done = REMOTE_STEPS.map((step) => `${sagaId}/${step}/do`);
  if (status === 'completed') return [...done, `${sagaId}/complete-order/do`];
  return [...done, ...REMOTE_STEPS.toReversed().map((step) => `${sagaId}/${step}/undo`)];
}
