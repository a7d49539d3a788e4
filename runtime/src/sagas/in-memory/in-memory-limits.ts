import type { ClaimLimits } from '../definition/limits.ts';
import type { ClaimRequest } from '../saga-store.ts';
import type { SagaRow } from './saga-row.ts';

/** Who is next. */
interface Admission {
  readonly rows: readonly SagaRow[];
  /** When the next may be begun, where the rate is what holds it back; in milliseconds from now. */
  readonly lookAgainInMs: number | undefined;
}

/** Who of those that could be claimed is next. */
export class InMemoryLimits {
  /** When sagas were begun, oldest first, by definition. */
  readonly #begun = new Map<string, number[]>();
  /** The key that was served last, by definition. */
  readonly #served = new Map<string, string>();

  /** Chooses among what is due, in order of start; `owned` is what runs, of all definitions. */
  among(
    due: readonly SagaRow[],
    owned: Iterable<SagaRow>,
    { definitions, limit }: ClaimRequest,
    nowMs: number,
  ): Admission {
    const limits = new Map(definitions.map(({ name, limits: some }) => [name, some]));
    const isLimited = (row: SagaRow): boolean =>
      row.owner === null && row.limitKey !== undefined && !!limits.get(row.saga.definition);
    const forgotten = due.filter(({ owner }) => owner !== null);
    const free = due.filter((row) => row.owner === null && !isLimited(row));
    if (free.some(({ priority }) => priority > 0)) free.sort((a, b) => b.priority - a.priority);
    if (forgotten.length + free.length === due.length) {
      return { rows: [...forgotten, ...free].slice(0, limit), lookAgainInMs: undefined };
    }
    const running = [...owned].filter(({ limitKey }) => limitKey !== undefined);
    // What is owned already takes no room of its definition.
    const rows: SagaRow[] = forgotten.slice(0, limit);
    const again: number[] = [];
    for (const [name, some] of limits) {
      const ofName = (row: SagaRow): boolean => row.saga.definition === name;
      const waiting = some ? due.filter((row) => isLimited(row) && ofName(row)) : [];
      if (!some || waiting.length === 0) continue;
      const at = { nowMs, limit: limit - rows.length };
      const admitted = this.#admit(name, some, waiting, running.filter(ofName), at);
      rows.push(...admitted.rows);
      if (admitted.lookAgainInMs !== undefined) again.push(admitted.lookAgainInMs);
    }
    return {
      rows: [...rows, ...free].slice(0, limit),
      lookAgainInMs: again.length === 0 ? undefined : Math.min(...again),
    };
  }

  #admit(
    name: string,
    { concurrency, perKey, rate }: ClaimLimits,
    due: readonly SagaRow[],
    running: readonly SagaRow[],
    { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
  ): Admission {
    const room = Math.min(limit, (concurrency ?? Infinity) - running.length);
    const begun = rate ? this.#begunSince(name, nowMs - rate.perMs) : [];
    let starts = rate ? rate.count - begun.length : Infinity;
    let heldBack = false;
    const rows: SagaRow[] = [];
    for (const { row, place } of this.#inTurn(name, due, running)) {
      if (perKey !== null && place > perKey) continue;
      if (rows.length >= room) break;
      const isStart = row.token === 0n;
      heldBack ||= isStart && starts <= 0;
      if (isStart && starts <= 0) continue;
      if (isStart) starts -= 1;
      if (isStart && rate) begun.push(nowMs);
      rows.push(row);
    }
    const last = rows.at(-1);
    if (last) this.#served.set(name, last.limitKey ?? '');
    const oldest = rate ? begun.at(-rate.count) : undefined;
    return {
      rows,
      lookAgainInMs:
        heldBack && rate && oldest !== undefined ? oldest + rate.perMs - nowMs : undefined,
    };
  }

  #begunSince(name: string, sinceMs: number): number[] {
    const begun = (this.#begun.get(name) ?? []).filter((ms) => ms > sinceMs);
    this.#begun.set(name, begun);
    return begun;
  }

  /** Each with its place among those of its key that run: the fewest first; among equals, the keys after the one served last. */
  #inTurn(
    name: string,
    due: readonly SagaRow[],
    running: readonly SagaRow[],
  ): readonly { readonly row: SagaRow; readonly place: number }[] {
    const counts = new Map<string, number>();
    for (const { limitKey = '' } of running) counts.set(limitKey, (counts.get(limitKey) ?? 0) + 1);
    const served = this.#served.get(name) ?? '';
    return due
      .toSorted(byRank)
      .map((row) => {
        const key = row.limitKey ?? '';
        const place = (counts.get(key) ?? 0) + 1;
        counts.set(key, place);
        return { row, place, key };
      })
      .toSorted((one, other) => {
        if (one.place !== other.place) return one.place - other.place;
        const wrapped = Number(one.key <= served) - Number(other.key <= served);
        return wrapped || (one.key < other.key ? -1 : Number(one.key > other.key));
      });
  }
}

/** What was begun or told something goes first, then by priority, then by age. */
function byRank(one: SagaRow, other: SagaRow): number {
  const first = Number(isUrgent(other)) - Number(isUrgent(one));
  return first || other.priority - one.priority;
}

function isUrgent(row: SagaRow): boolean {
  return row.token > 0n || row.hasMessages;
}
