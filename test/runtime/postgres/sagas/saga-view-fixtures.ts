import { Rejection } from 'potter-runtime/errors';
import { newId, noRetry, simpleRetry } from 'potter-runtime/foundation';
import {
  isFinished,
  saga,
  type SagaDefinition,
  type SagaEvent,
  type SagaStore,
} from 'potter-runtime/sagas';
import type { PostgresPool, PostgresTransaction } from 'potter-runtime/postgres';
import { newSaga } from './saga-fixtures.ts';

/** What a saga of {@link motleySaga} is told to do. */
export interface Motley {
  readonly customer: { readonly id: string; readonly vip: boolean };
  readonly large: boolean;
  /** How often `charge` fails before it works. */
  readonly flaky: number;
  readonly refuse: 'nothing' | 'charge' | 'b' | 'end';
  /** The undo of `charge` gives up. */
  readonly stuck: boolean;
  readonly cents: bigint;
  readonly at: Date;
}

/** One of everything that a journal can say: retries, branches, choices, refusals, undoing, in whole and in part. */
export function motleySaga(): SagaDefinition<Motley, PostgresTransaction> {
  const tries = new Map<string, number>();
  const refuse = (name: Motley['refuse'], input: Motley): void => {
    if (input.refuse === name) throw new Rejection('REFUSED', `No from ${name}.`);
  };
  return saga<Motley, PostgresTransaction>('motley', { onCompensationFailure: 'fail' })
    .step('reserve', { execute: () => ({ pieces: 2 }), compensate: () => {} })
    .step('charge', {
      execute: ({ key, input }) => {
        const tried = (tries.get(key) ?? 0) + 1;
        tries.set(key, tried);
        if (tried <= input.flaky) throw new Error(`try ${tried}`);
        refuse('charge', input);
        return { cents: input.cents };
      },
      compensate: ({ input }) => {
        if (input.stuck) throw new Rejection('STUCK', 'The money is gone.');
      },
      retry: simpleRetry({ maxAttempts: 4, delay: 2 }),
      compensateRetry: noRetry,
    })
    .when(
      'is-large',
      ({ input }) => input.large,
      (large) => large.step('verify', { execute: () => 'verified', compensate: () => {} }),
      { skipped: 'The order is small.' },
    )
    .parallel('both', (p) =>
      p
        .step('a', { execute: () => 'a', compensate: () => {} })
        .step('b', { execute: ({ input }) => refuse('b', input), compensate: () => {} }),
    )
    .step('end', { execute: ({ input }) => refuse('end', input) })
    .build();
}

export function motley(n: number): Motley {
  const refusals = ['nothing', 'nothing', 'charge', 'b', 'end'] as const;
  return {
    customer: { id: `customer-${n % 7}`, vip: n % 3 === 0 },
    large: n % 2 === 0,
    flaky: n % 4 === 1 ? 2 : 0,
    refuse: refusals[n % refusals.length] ?? 'nothing',
    stuck: n % 10 === 9,
    cents: 9_007_199_254_740_993n,
    at: new Date(1_770_000_000_000 + n),
  };
}

const STATUSES = ['pending', 'running', 'completed', 'compensated', 'failed', 'abandoned'] as const;

/** A saga with a made-up past: its journal in one commit. */
export interface MadeSaga {
  readonly sagaId: string;
  readonly definition: string;
  readonly status: (typeof STATUSES)[number];
  readonly startedAt: Date;
  readonly durationMs: number | null;
  readonly correlationId: string;
  readonly customer: number;
  /** Attempts at the step `work`, and how long it took in all when it was done. */
  readonly attempts: number;
  readonly failures: number;
  readonly workMs: number | null;
}

/** Writes a saga's past. @param random numbers in [0, 1) */
export async function makeSaga(
  store: Pick<SagaStore, 'create'>,
  random: () => number,
): Promise<MadeSaga> {
  const of = (count: number): number => Math.floor(random() * count);
  const sagaId = newId();
  const definition = `made-${of(3)}`;
  const status = STATUSES[of(STATUSES.length)] ?? 'pending';
  // Few different times, so that many sagas start at the same one.
  const startedAt = new Date(1_770_000_000_000 + of(50) * 60_000);
  const correlationId = `correlation-${of(20)}`;
  const customer = of(10);
  const failures = status === 'pending' ? 0 : of(3);
  let atMs = startedAt.getTime();
  const later = (): Date => new Date((atMs += 1 + of(5_000)));
  const events: SagaEvent[] = [
    {
      type: 'SagaStarted',
      at: startedAt,
      definition,
      definitionVersion: 1,
      definitionHash: 'hash',
      input: { customer: { id: customer }, large: random() < 0.5 },
      correlationId,
      deadlineAt: null,
    },
  ];
  const attempt = { path: 'work', direction: 'forward' } as const;
  const error = { code: 'REFUSED', message: 'No.', step: 'work' };
  const begin = (n: number): void => {
    events.push({ type: 'AttemptStarted', at: later(), ...attempt, attempt: n, deadlineAt: null });
  };
  let firstMs = 0;
  for (let n = 1; n <= failures; n += 1) {
    begin(n);
    firstMs ||= atMs;
    const at = later();
    const failed = { at, ...attempt, attempt: n, outcome: 'failed', error, retryAt: at } as const;
    events.push({ type: 'AttemptFailed', ...failed });
  }
  let workMs: number | null = null;
  if (status !== 'pending') {
    begin(failures + 1);
    firstMs ||= atMs;
  }
  if (status === 'completed') {
    events.push({
      type: 'AttemptCompleted',
      at: later(),
      ...attempt,
      attempt: failures + 1,
      result: null,
    });
    workMs = atMs - firstMs;
    events.push({ type: 'SagaCompleted', at: later() });
  }
  if (status === 'compensated') events.push({ type: 'SagaCompensated', at: later(), error });
  if (status === 'failed') events.push({ type: 'SagaFailed', at: later(), error });
  if (status === 'abandoned') {
    events.push({ type: 'SagaAbandoned', at: later(), error, remaining: ['work'] });
  }
  const ended = isFinished(status);
  await store.create(newSaga({ sagaId, definition, correlationId, events }));
  return {
    sagaId,
    definition,
    status,
    startedAt,
    correlationId,
    customer,
    failures,
    workMs,
    durationMs: ended ? atMs - startedAt.getTime() : null,
    attempts: status === 'pending' ? 0 : failures + 1,
  };
}

/** The read model, byte by byte. */
export async function dumpViews(pool: PostgresPool): Promise<string> {
  const parts = ['saga_views', 'saga_step_views', 'saga_attempt_views'].map(
    (name) =>
      `(SELECT coalesce(string_agg(v::text, E'\\n' ORDER BY v::text), '') FROM potter.${name} v)`,
  );
  const { rows } = await pool.query<{ dump: string }>({
    text: `SELECT ${parts.join(" || E'\\n--\\n' || ")} AS dump`,
  });
  return rows[0]?.dump ?? '';
}
