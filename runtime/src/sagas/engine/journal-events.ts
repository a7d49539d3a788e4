import type { JournalEntry, SagaEvent } from '../saga-event.ts';
import { isSettled } from '../saga-status.ts';
import type { SagaStore, StoredSaga } from '../saga-store.ts';

const ENDS: ReadonlySet<SagaEvent['type']> = new Set([
  'SagaCompleted',
  'SagaCompensated',
  'SagaAbandoned',
]);

function lastSeq(saga: StoredSaga): bigint {
  return saga.tail.at(-1)?.seq ?? saga.snapshot?.seq ?? 0n;
}

/** The journal, then live, until the saga is settled and all of it was read. */
export async function* journalEvents(
  store: Pick<SagaStore, 'load' | 'follow'>,
  saga: StoredSaga,
  options: { readonly after: bigint; readonly signal: AbortSignal | undefined },
): AsyncGenerator<JournalEntry, void, undefined> {
  const { sagaId } = saga;
  const last = lastSeq(saga);
  const isOver = isSettled(saga.summary.status);
  if (isOver && options.after >= last) return;
  const done = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, done.signal]) : done.signal;
  try {
    for await (const entry of store.follow(sagaId, { after: options.after, signal })) {
      yield entry;
      // An end that more came after was none: the saga was resumed, or undone although it was completed.
      if (entry.seq < last) continue;
      if (entry.seq === last && isOver) return;
      const { type } = entry.event;
      if (ENDS.has(type)) return;
      if (type !== 'SagaFailed') continue;
      // It may have been resumed since: then there is more to come.
      const now = await store.load(sagaId);
      if (!now || (now.summary.status === 'failed' && lastSeq(now) === entry.seq)) return;
    }
  } finally {
    // With a reason of its own, or the engine makes a DOMException with a stack for each reader.
    done.abort('done');
  }
}
