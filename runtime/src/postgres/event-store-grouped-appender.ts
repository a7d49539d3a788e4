import type { StreamAppendResult } from '../event-store/append.ts';
import type { PreparedAppend, PreparedWrite } from '../event-store/prepare-append.ts';
import type { AppendRow, AppendVerdict } from './event-store-append-statement.ts';
import {
  type Appended,
  conflictOf,
  type PostgresAppender,
  resultOfVerdict,
} from './event-store-appender.ts';
import { GroupCommit, type GroupCommitOptions } from './event-store-group-commit.ts';
import type { EventStoreMetrics } from './event-store-metrics.ts';
import { isConnectionLoss } from './event-store-connection-loss.ts';

/** An append of one stream that waits for its group. */
interface Waiting {
  readonly key: string;
  readonly size: number;
  readonly append: PreparedAppend;
  readonly write: PreparedWrite;
  readonly resolve: (result: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** A row of the statement and the appends it serves: one, or several that expect nothing of the same stream. */
interface SharedRow {
  readonly row: AppendRow;
  readonly members: readonly Waiting[];
}

/**
 * Lets independent appends share a statement and with it one flush of the log, which is what an append mostly waits
 * for. Each still gets its own answer: what the group cannot decide for one of them is decided for it alone.
 */
export class GroupedAppender {
  readonly #alone: PostgresAppender;
  readonly #metrics: EventStoreMetrics;
  readonly #committed: () => void;
  readonly #groups: GroupCommit<Waiting>;

  /** @param committed called after each commit that wrote something. */
  constructor(
    alone: PostgresAppender,
    metrics: EventStoreMetrics,
    committed: () => void,
    options: GroupCommitOptions,
  ) {
    this.#alone = alone;
    this.#metrics = metrics;
    this.#committed = committed;
    this.#groups = new GroupCommit((group) => this.#flush(group), options);
  }

  append(append: PreparedAppend, write: PreparedWrite): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#groups.add({
        key: write.stream,
        size: write.events.length,
        append,
        write,
        resolve,
        reject,
      });
    });
  }

  /** Resolves when every append that was asked for is answered. */
  drained(): Promise<void> {
    return this.#groups.drained();
  }

  async #flush(group: readonly Waiting[]): Promise<void> {
    const { shared, later } = shareRows(group);
    this.#metrics.groupSize.record(group.length - later.length);
    try {
      const verdicts = await this.#alone.runGroup(shared.map(({ row }) => row));
      const wrote = verdicts.some(({ kind }) => kind === 'ok');
      if (wrote) this.#committed();
      shared.forEach((row, index) => this.#settle(row, verdicts[index]));
    } catch (error) {
      // One append can spoil the statement for all: an id taken in this very moment, a value the database refuses.
      for (const { members } of shared) {
        for (const member of members) {
          if (isConnectionLoss(error)) member.reject(error);
          else void this.#appendAlone(member);
        }
      }
    }
    for (const waiting of later) this.#groups.add(waiting);
  }

  #settle({ row, members }: SharedRow, verdict: AppendVerdict | undefined): void {
    const [only] = members;
    if (verdict?.kind === 'ok') {
      let offset = 0;
      for (const member of members) {
        const result: StreamAppendResult = resultOfVerdict(member.write, verdict, offset);
        offset += member.size;
        member.resolve([result]);
      }
    } else if (verdict?.kind === 'conflict' && only !== undefined && !hasChosenIds(only)) {
      only.reject(conflictOf(row, verdict.actual));
    } else {
      for (const member of members) void this.#appendAlone(member);
    }
  }

  async #appendAlone({ append, resolve, reject }: Waiting): Promise<void> {
    try {
      resolve(await this.#alone.append(append));
      this.#committed();
    } catch (error) {
      reject(error);
    }
  }
}

/** A stream can be in the statement once: appends that expect nothing share its row, others wait for the next group. */
function shareRows(group: readonly Waiting[]): {
  readonly shared: readonly SharedRow[];
  readonly later: readonly Waiting[];
} {
  const byStream = new Map<string, Waiting[]>();
  const later: Waiting[] = [];
  for (const waiting of group) {
    const known = byStream.get(waiting.key);
    if (known === undefined) byStream.set(waiting.key, [waiting]);
    else if (known.every(expectsNothing) && expectsNothing(waiting)) known.push(waiting);
    else later.push(waiting);
  }
  const shared = [...byStream.values()].map((members): SharedRow => ({
    row: rowOf(members),
    members,
  }));
  return { shared, later };
}

function expectsNothing(waiting: Waiting): boolean {
  return waiting.write.expected === 'any' && !hasChosenIds(waiting);
}

function hasChosenIds({ write }: Waiting): boolean {
  return write.events.some(({ idGiven }) => idGiven);
}

function rowOf(members: readonly Waiting[]): AppendRow {
  const [first] = members;
  if (first === undefined) throw new TypeError('a row serves at least one append');
  const { stream, expected } = first.write;
  return { stream, expected, events: members.flatMap(({ write }) => write.events) };
}
