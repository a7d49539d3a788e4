import { PotterError } from '../../errors/potter-error.ts';
import { jsonCodec } from '../../foundation/json.ts';
import type { PostgresClient, PostgresTransaction } from '../connection/client.ts';

interface FenceRow {
  readonly done: boolean;
  readonly done_result: string | null;
  readonly undone: boolean;
  readonly undo_result: string | null;
}

const KEY = /^(.+)\/(do|undo)$/s;

/**
 * Makes a participant of sagas safe against what a network does to calls: the same call twice, an undo before its do,
 * and a do that arrives after its undo. Work and record share the participant's own transaction (component `fences`).
 *
 * | call | first time | again |
 * |---|---|---|
 * | do | works, remembers the result | answers the remembered result |
 * | undo after do | works, remembers the result | answers the remembered result |
 * | undo before do | does not work; remembers that it came; answers undefined | answers undefined |
 * | do after undo | throws `FENCED` | throws `FENCED` |
 *
 * Of two first arrivals at once the second waits for the first one's transaction. A call whose transaction rolled back
 * never happened.
 *
 * ```ts
 * execute: ({ input, key }) => inTransaction(pool, (tx) => fence(tx, key, () => reserve(tx, input))),
 * ```
 * `fenced` does the same for an operation and its undo as a pair, and knows the type of what the undo gets.
 * @param tx the participant's transaction; `read committed` unless its caller repeats serialization failures.
 * @param key the key that a saga hands to `execute` and `compensate`: it ends in `/do` or `/undo`.
 * @param work gets what `do` answered when it is an undo: an undo of a step whose answer was lost knows what to undo.
 * @throws PotterError `FENCED` for a do that comes after its undo, `INVALID_ARGUMENT` for another form of key.
 */
export function fence<T>(
  tx: PostgresTransaction,
  key: `${string}/do`,
  work: () => Promise<T>,
): Promise<T>;
export function fence<T>(
  tx: PostgresTransaction,
  key: string,
  work: (done: unknown) => Promise<T>,
): Promise<T | undefined>;
export async function fence<T>(
  tx: PostgresTransaction,
  key: string,
  work: (done: unknown) => Promise<T>,
): Promise<T | undefined> {
  const { step, direction } = parseKey(key);
  const row = await lock(tx, step);
  if (direction === 'do') {
    if (row.undone) throw fenced(key);
    if (row.done) return decode(row.done_result) as T;
    return remember(tx, 'done', step, await work(undefined));
  }
  if (row.undone) return decode(row.undo_result) as T;
  if (!row.done) return remember(tx, 'undone', step, undefined);
  return remember(tx, 'undone', step, await work(decode(row.done_result)));
}

function parseKey(key: string): { readonly step: string; readonly direction: 'do' | 'undo' } {
  const [, step, direction] = KEY.exec(key) ?? [];
  if (step === undefined || (direction !== 'do' && direction !== 'undo')) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `'${key}' is not the key of a saga step.`,
      remedy: "Pass on the key that the saga handed to the step; it ends in '/do' or '/undo'.",
      details: { key },
    });
  }
  return { step, direction };
}

/** Makes the row or waits for it: from here on do and undo of this step exclude each other until the transaction ends. */
async function lock(tx: PostgresClient, step: string): Promise<FenceRow> {
  const { rows } = await tx.query<FenceRow>({
    name: 'potter_fence_lock',
    text: `
      INSERT INTO potter.fences AS f (step) VALUES ($1)
      ON CONFLICT (step) DO UPDATE SET step = f.step
      RETURNING f.done_at IS NOT NULL AS done, f.done_result, f.undone_at IS NOT NULL AS undone, f.undo_result`,
    values: [step],
  });
  return rows[0] ?? { done: false, done_result: null, undone: false, undo_result: null };
}

async function remember<T>(
  tx: PostgresClient,
  fact: 'done' | 'undone',
  step: string,
  result: T,
): Promise<T> {
  const column =
    fact === 'done'
      ? 'done_at = clock_timestamp(), done_result'
      : 'undone_at = clock_timestamp(), undo_result';
  await tx.query({
    name: `potter_fence_${fact}`,
    text: `UPDATE potter.fences SET ${column} = $2 WHERE step = $1`,
    values: [step, result === undefined ? null : jsonCodec.encode(result)],
  });
  return result;
}

function decode(text: string | null): unknown {
  return text === null ? undefined : jsonCodec.decode(text);
}

function fenced(key: string): PotterError {
  return new PotterError('FENCED', {
    message: `The call '${key}' arrived after it had been undone.`,
    remedy: 'Nothing to do: it is a late copy of a call that its saga gave up.',
    details: { key },
  });
}
