import { Rejection } from 'potter-runtime/errors';
import { newId, sleep } from 'potter-runtime/foundation';
import { fenced, inTransaction, type PostgresPool } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { Task, Tasks } from '../application/tasks.ts';
import type { Work } from '../domain/work.ts';
import { recordEffect } from './effects.ts';

/** What was done is handed to its undo; neither has an effect twice. */
const task = fenced<Task & { readonly task: string }>();

/** The service that does tasks. It takes as long as it is asked to, and stops waiting when it is told. */
export class PostgresTasks implements Tasks {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async perform(call: Call<'do'>, work: Work): Promise<Task> {
    if (work.takesMs > 0) await sleep(work.takesMs, { signal: call.signal });
    return inTransaction(this.#pool, (tx) =>
      task.do(tx, call.key, async () => {
        if (work.impossible) {
          throw new Rejection('TASK_REFUSED', `The task '${work.task}' cannot be done.`);
        }
        const taskId = newId();
        await tx.query({
          text: 'INSERT INTO tasks (task_id, saga_id, task) VALUES ($1, $2, $3)',
          values: [taskId, call.sagaId, work.task],
        });
        await recordEffect(tx, call, { service: 'tasks', operation: work.task });
        return { taskId, task: work.task };
      }),
    );
  }

  async undo(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      task.undo(tx, call.key, async (done) => {
        await tx.query({
          text: 'UPDATE tasks SET undone_at = now() WHERE task_id = $1',
          values: [done.taskId],
        });
        await recordEffect(tx, call, { service: 'tasks', operation: `undo-${done.task}` });
      }),
    );
  }
}
