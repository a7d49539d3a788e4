import { type SagaRow, selectInbox, selectSaga } from './row.ts';

/** What a statement has claimed, as it is read. */
export const READ_CTE: string = `read AS (
    SELECT r.*, ${selectInbox('r.saga_id', 'r.inbox_seen::bigint')} AS inbox
    FROM (${selectSaga('claimed s')}) r
  )`;

/** A saga as {@link READ_CTE} gives it. */
export interface ReadRow extends SagaRow {
  readonly inbox: string | null;
}
