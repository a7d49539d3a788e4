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

/** The journal, then live, until the saga is settled, has taken in what it was told before, and all of it was read. */
export async function* journalEvents(
  store: Pick<SagaStore, 'load' | 'follow'>,
  saga: StoredSaga,
  options: { readonly after: bigint; readonly signal: AbortSignal | undefined },
): AsyncGenerator<JournalEntry, void, undefined> {
  const { sagaId, unheard } = saga;
  const last = lastSeq(saga);
  const isOver = isSettled(saga.summary.status) && !unheard;
  if (isOver && options.after >= last) return;
  const done = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, done.signal]) : done.signal;
  // What it was told need not change its status: an edited input of a failed saga does not.
  let mayStaySettled = unheard;
  try {
    for await (const entry of store.follow(sagaId, { after: options.after, signal })) {
      yield entry;
      // An end that more came after was none: the saga was resumed, or undone although it was completed.
      if (entry.seq < last) continue;
      if (entry.seq === last && isOver) return;
      if (entry.seq === last && unheard) continue;
      const { type } = entry.event;
      if (ENDS.has(type)) return;
      if (type !== 'SagaFailed' && !mayStaySettled) continue;
      // It may have been resumed since: then there is more to come.
      const now = await store.load(sagaId);
      if (!now) return;
      if (!isSettled(now.summary.status)) mayStaySettled = false;
      else if (!now.unheard && lastSeq(now) === entry.seq) return;
    }
  } finally {
    // With a reason of its own, or the engine makes a DOMException with a stack for each reader.
    done.abort('done');
  }
}
