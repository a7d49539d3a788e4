import { jsonCodec } from '../../foundation/json.ts';
import { evolve } from './evolve.ts';
import type { JournalEntry } from '../saga-event.ts';
import type { SagaState } from './saga-state.ts';
import type { StoredSaga } from '../saga-store.ts';

/** Raised when the form of SagaState changes: snapshots of another form are passed over, the journal has it all. */
const FORMAT = 5;

/** A state as text for the store. */
export function encodeState(state: SagaState): string {
  return jsonCodec.encode({ format: FORMAT, state });
}

/** A state from text; undefined when it is damaged or of another form. */
export function decodeState(text: string): SagaState | undefined {
  try {
    const stored = jsonCodec.decode(text) as {
      readonly format?: unknown;
      readonly state?: SagaState;
    };
    return stored.format === FORMAT ? stored.state : undefined;
  } catch {
    return undefined;
  }
}

/** The state after more entries. */
export function fold(
  state: SagaState | undefined,
  entries: readonly JournalEntry[],
): SagaState | undefined {
  return entries.reduce<SagaState | undefined>((before, { event }) => evolve(before, event), state);
}

/** A stored saga's state, and the seq up to which it goes. */
export interface RestoredSaga {
  readonly state: SagaState;
  readonly seq: bigint;
  /** Seq of the snapshot it was restored from; 0n: from the journal alone. */
  readonly snapshotSeq: bigint;
}

/**
 * Restores a state from snapshot and tail.
 * @param journal reads the whole journal; called only when the snapshot cannot be used.
 */
export async function restore(
  saga: Pick<StoredSaga, 'sagaId' | 'snapshot' | 'tail'>,
  journal: (sagaId: string) => Promise<readonly JournalEntry[]>,
): Promise<RestoredSaga> {
  const snapshot = saga.snapshot && decodeState(saga.snapshot.state);
  const snapshotSeq = snapshot && saga.snapshot ? saga.snapshot.seq : 0n;
  const entries = saga.snapshot && !snapshot ? await journal(saga.sagaId) : saga.tail;
  const state = fold(snapshot ?? undefined, entries);
  if (!state) throw new TypeError(`Saga ${saga.sagaId} has an empty journal.`);
  return { state, seq: entries.at(-1)?.seq ?? snapshotSeq, snapshotSeq };
}
