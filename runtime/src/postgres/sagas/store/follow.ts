import { isPotterError } from '../../../errors/potter-error.ts';
import { exponentialBackoff, nextDelayMs } from '../../../foundation/backoff.ts';
import { sleep } from '../../../foundation/sleep.ts';
import type { JournalEntry } from '../../../sagas/saga-event.ts';
import type { PostgresPool } from '../../connection/client.ts';
import { translatePostgresError } from '../../connection/errors.ts';
import { targetOfPool } from '../../connection/pool-target.ts';
import { readJournal } from './read.ts';
import type { SagaSignals } from './signals.ts';

/** How long a saga tells of its commits after somebody asked for it; longer than two renewals. */
const WATCH_MS = 30_000;
const RENEW_MS = 10_000;
/** Entries read at once. */
const PAGE = 500;

const retry = exponentialBackoff({ maxAttempts: Infinity, initialDelay: 50, maxDelay: '2s' });

/**
 * Commits notify only while somebody watches, because a NOTIFY makes commits queue up behind each other. Watching is a
 * mark on the saga's row, renewed while the follower is there: a commit that does not see the mark is one that the read
 * after it sees.
 */
export async function* followJournal(
  pool: PostgresPool,
  signals: SagaSignals,
  sagaId: string,
  options: { readonly after: bigint; readonly signal: AbortSignal },
): AsyncGenerator<JournalEntry, void, undefined> {
  const { signal } = options;
  let { after } = options;
  const alarm = new Alarm(signal);
  let hangUp: (() => Promise<void>) | undefined;
  let failures = 0;
  try {
    while (!signal.aborted) {
      try {
        hangUp ??= await signals.addFollower(sagaId, () => alarm.ring());
        await watch(pool, sagaId);
        for (;;) {
          alarm.reset();
          const page = await readJournal(pool, sagaId, { after, limit: PAGE });
          failures = 0;
          for (const entry of page) {
            if (signal.aborted) return;
            after = entry.seq;
            yield entry;
          }
          if (page.length === PAGE) continue;
          if ((await alarm.wait(RENEW_MS)) !== 'rung') break;
        }
      } catch (error) {
        const failure = translatePostgresError(error, targetOfPool(pool));
        if (!isPotterError(failure, 'DATABASE_UNAVAILABLE')) throw failure;
        failures += 1;
        const delayMs = nextDelayMs(retry, { attempt: failures, elapsedMs: 0 }) ?? WATCH_MS;
        await alarm.wait(delayMs);
      }
    }
  } finally {
    await hangUp?.();
  }
}

async function watch(pool: PostgresPool, sagaId: string): Promise<void> {
  await pool.query({
    name: 'potter_saga_watch',
    text: `UPDATE potter.sagas SET watched_until = clock_timestamp() + $2::float8 * interval '1 millisecond'
      WHERE saga_id = $1 AND status NOT IN ('completed', 'compensated', 'abandoned')`,
    values: [sagaId, WATCH_MS],
  });
}

/** Remembers a ring that comes while nobody waits. */
class Alarm {
  readonly #signal: AbortSignal;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  reset(): void {
    this.#rung = false;
  }

  /** Waits for a ring, at most so long; also ends, without an error, when the signal fires. */
  async wait(delayMs: number): Promise<'rung' | 'silent'> {
    if (this.#rung) return 'rung';
    if (this.#signal.aborted) return 'silent';
    // Not AbortSignal.any: Node 20 may collect such a signal while somebody waits for it.
    const patience = new AbortController();
    const wake = (): void => patience.abort();
    this.#wake = wake;
    this.#signal.addEventListener('abort', wake, { once: true });
    try {
      await sleep(delayMs, { signal: patience.signal });
    } catch (error) {
      if (!isPotterError(error, 'ABORTED')) throw error;
    } finally {
      this.#wake = undefined;
      this.#signal.removeEventListener('abort', wake);
    }
    return this.#rung ? 'rung' : 'silent';
  }
}
