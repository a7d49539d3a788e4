import { PotterError } from '../../errors/potter-error.ts';
import { jsonCodec } from '../../foundation/json.ts';
import type { PostgresClient } from '../connection/client.ts';

/** A row of `potter.two_phase_branches`. */
export interface BranchRow {
  readonly state: 'prepared' | 'committed' | 'aborted';
  readonly tried: string | null;
  readonly result: string | null;
}

/** What is recorded of a branch; inside a prepared transaction nothing is, for others, until it is committed. */
export async function readBranch(
  client: PostgresClient,
  branch: string,
): Promise<BranchRow | undefined> {
  const { rows } = await client.query<BranchRow>({
    name: 'potter_two_phase_branch',
    text: 'SELECT state, tried, result FROM potter.two_phase_branches WHERE branch = $1',
    values: [branch],
  });
  return rows[0];
}

/** Values in a row are JSON text. */
export function branchValue(text: string | null): unknown {
  return text === null ? null : jsonCodec.decode(text);
}

/** A prepare that came after the abort of its branch. */
export function lateBranch(branch: string): PotterError {
  return new PotterError('FENCED', {
    message: `The branch '${branch}' was aborted before it was prepared.`,
    remedy: 'Nothing to do: it is a late call of a transaction that is over.',
    details: { branch },
  });
}

/** A commit of something that is not there. */
export function lostBranch(branch: string): PotterError {
  return new PotterError('TWO_PHASE_BRANCH_LOST', {
    message: `The branch '${branch}' is to be committed, but it is neither prepared nor committed here.`,
    remedy:
      'Find out who took it back (ROLLBACK PREPARED by hand, or a restored database), repair the data, then resolve the transaction with this participant written off.',
    details: { branch },
  });
}

/** An abort of what is committed. */
export function committedBranch(branch: string): PotterError {
  return new PotterError('TWO_PHASE_ALREADY_DECIDED', {
    message: `The branch '${branch}' is committed already.`,
    remedy: 'Compensate what was done, if that is not what is wanted.',
    details: { branch },
  });
}
