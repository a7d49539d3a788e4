import type { Work } from '../domain/work.ts';
import type { Call } from './call.ts';

/** The service that does the work of the steps. */
export interface Tasks {
  /** Does a task. Refuses with `TASK_REFUSED`. */
  perform(call: Call<'do'>, work: Work): Promise<Task>;
  undo(call: Call<'undo'>): Promise<void>;
}

export interface Task {
  readonly taskId: string;
}
