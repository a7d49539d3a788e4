import type { PreparedAppend, PreparedWrite } from '../../event-store/prepare-append.ts';
import type { PostgresPool } from '../connection/client.ts';
import { sqlStateOf } from '../connection/errors.ts';
import { lockedStreamsSql } from './append-sql.ts';
import { type AppendRow, runAppendStatement, type Written } from './append-statement.ts';
import { type Appended, hasChosenIds, type PostgresAppender, writtenResult } from './appender.ts';
import { isConnectionLoss } from '../connection/connection-loss.ts';
import { KeptConnections } from '../connection/kept-connections.ts';
import {
  GroupCommit,
  type GroupCommitOptions,
  type Groupable,
  type Unfinished,
} from '../connection/group-commit.ts';
import type { EventStoreMetrics } from './metrics.ts';

/** An append of one stream that waits for its group. */
interface Waiting extends Groupable {
  readonly append: PreparedAppend;
  readonly write: PreparedWrite;
  readonly resolve: (result: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** A row of the statement and the appends it serves: one, or several that expect nothing of the same stream. */
interface SharedRow extends AppendRow {
  readonly members: readonly Waiting[];
}

/** The statement did not get the lock of one of its streams in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/** What a grouped appender works with. */
export interface GroupedAppenderContext {
  readonly pool: PostgresPool;
  /** Decides what a group cannot. */
  readonly alone: PostgresAppender;
  readonly metrics: EventStoreMetrics;
  /** Called after each commit that wrote something and may be listened for. */
  readonly committed: () => void;
}

/**
 * Lets independent appends share a statement and with it one flush of the log, which is what an append mostly waits
 * for. Each still gets its own answer: what the group cannot decide for one of them is decided for it alone.
 */
export class GroupedAppender {
  readonly #context: GroupedAppenderContext;
  readonly #connections: KeptConnections;
  readonly #groups: GroupCommit<Waiting>;

  constructor(context: GroupedAppenderContext, options: GroupCommitOptions) {
    this.#context = context;
    this.#connections = new KeptConnections(context.pool);
    this.#groups = new GroupCommit((group) => this.#flush(group), options);
  }

  append(append: PreparedAppend, write: PreparedWrite): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const shareable = write.expected === 'any' && !hasChosenIds(append);
      this.#groups.add({
        key: write.stream,
        size: write.events.length,
        shareable,
        append,
        write,
        resolve,
        reject,
      });
    });
  }

  async #flush(group: readonly Waiting[]): Promise<readonly Unfinished[]> {
    this.#context.metrics.groupSize.record(group.length);
    try {
      return await this.#write(shareRows(await this.#settleRepeated(group)));
    } catch (error) {
      // Only a query that looks something up gets here; nothing was written for those who still wait.
      for (const waiting of group) waiting.reject(error);
      return [];
    }
  }

  async #write(rows: readonly SharedRow[]): Promise<readonly Unfinished[]> {
    if (rows.length === 0) return [];
    let written: Written;
    try {
      written = await runAppendStatement(this.#connections, rows, 'group');
    } catch (error) {
      return this.#recover(rows, error);
    }
    await this.#settle(rows, written);
    return [];
  }

  /** The statement wrote nothing, or nobody knows. */
  async #recover(rows: readonly SharedRow[], error: unknown): Promise<readonly Unfinished[]> {
    if (isConnectionLoss(error)) {
      // Repeating it could append twice.
      for (const { reject } of membersOf(rows)) reject(error);
      return [];
    }
    const isLocked =
      sqlStateOf(error) === LOCK_NOT_AVAILABLE
        ? await this.#lockedStreams(rows)
        : new Set<string>();
    // Else one append spoiled the statement for all: an id taken in this very moment, a value the database refuses. Or a
    // stream is being created, which has no row to be seen locked.
    if (isLocked.size === 0) return this.#oneByOne(membersOf(rows));
    const waiting = this.#oneByOne(membersOf(rows.filter(({ stream }) => isLocked.has(stream))));
    return [...waiting, ...(await this.#write(rows.filter(({ stream }) => !isLocked.has(stream))))];
  }

  async #lockedStreams(rows: readonly SharedRow[]): Promise<ReadonlySet<string>> {
    const { rows: locked } = await this.#context.pool.query<{ stream_id: string }>({
      text: lockedStreamsSql,
      values: [rows.map(({ stream }) => stream)],
    });
    return new Set(locked.map((row) => row.stream_id));
  }

  async #settle(rows: readonly SharedRow[], written: Written): Promise<void> {
    const refused: SharedRow[] = [];
    let wrote = false;
    rows.forEach((row, index) => {
      const events = written.rows[index];
      if (events === undefined) {
        refused.push(row);
        return;
      }
      wrote = true;
      let offset = 0;
      for (const { write, resolve, size } of row.members) {
        resolve([writtenResult(write, events, offset)]);
        offset += size;
      }
    });
    if (wrote && written.isHeard) this.#context.committed();
    if (refused.length > 0) await this.#refuse(refused);
  }

  async #refuse(rows: readonly SharedRow[]): Promise<void> {
    const { pool, alone } = this.#context;
    const refusals = await alone.refusals(pool, rows);
    rows.forEach((row, index) => {
      const refusal = refusals[index];
      for (const waiting of row.members) {
        // A repetition may have been committed since its ids were looked up, and a stream may exist by now.
        if (refusal === undefined || hasChosenIds(waiting.append)) void this.#appendAlone(waiting);
        else waiting.reject(refusal);
      }
    });
  }

  async #settleRepeated(group: readonly Waiting[]): Promise<readonly Waiting[]> {
    const appends = group.map(({ append }) => append).filter(hasChosenIds);
    if (appends.length === 0) return group;
    const { pool, alone } = this.#context;
    const repeated = await alone.findRepeated(pool, appends);
    return group.filter(({ append, resolve, reject }) => {
      const result = repeated.get(append);
      if (result instanceof Error) reject(result);
      else if (result !== undefined) resolve(result);
      return result === undefined;
    });
  }

  #oneByOne(group: readonly Waiting[]): readonly Unfinished[] {
    return group.map((waiting) => ({ key: waiting.key, done: this.#appendAlone(waiting) }));
  }

  async #appendAlone({ append, resolve, reject }: Waiting): Promise<void> {
    try {
      resolve(await this.#context.alone.append(append));
      this.#context.committed();
    } catch (error) {
      reject(error);
    }
  }
}

function membersOf(rows: readonly SharedRow[]): readonly Waiting[] {
  return rows.flatMap(({ members }) => members);
}

/** A stream can be in the statement once; those who share it take its versions one after the other. */
function shareRows(group: readonly Waiting[]): readonly SharedRow[] {
  const byStream = new Map<string, Waiting[]>();
  for (const waiting of group) {
    const members = byStream.get(waiting.key);
    if (members === undefined) byStream.set(waiting.key, [waiting]);
    else members.push(waiting);
  }
  return [...byStream.values()].flatMap((members) => {
    const [first] = members;
    if (first === undefined) return [];
    const { stream, expected } = first.write;
    return { stream, expected, events: members.flatMap(({ write }) => write.events), members };
  });
}
