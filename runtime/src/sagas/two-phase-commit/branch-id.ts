import { createHash } from 'node:crypto';
import { PotterError } from '../../errors/potter-error.ts';

/** One participant's part of one transaction, as its coordinator names it. The participant adds its own name. */
export interface BranchId {
  /** {@link TwoPhaseLog.identity} of the coordinator's log: two coordinators never share it. */
  readonly coordinator: string;
  readonly transactionId: string;
}

/** Names are parts of identifiers that go to databases as they are, and are read by people there. */
const NAME = /^[A-Za-z0-9_-]{1,40}$/;
const IDENTITY = /^[A-Za-z0-9_.-]{1,53}$/;
/** Printable ASCII without quote and backslash. */
const TRANSACTION_ID = /^[\x21-\x26\x28-\x5b\x5d-\x7e]{1,90}$/;

/** @throws PotterError `INVALID_ARGUMENT` when a participant or coordinator cannot be called that. */
export function assertTwoPhaseName(what: string, name: string): void {
  if (NAME.test(name)) return;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `'${name}' cannot be the name of a ${what}.`,
    remedy: 'Use 1 to 40 letters, digits, hyphens and underscores.',
    details: { name },
  });
}

/** @throws PotterError `INVALID_ARGUMENT` when a transaction cannot have this id. */
export function assertTransactionId(transactionId: string): void {
  if (TRANSACTION_ID.test(transactionId)) return;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `'${transactionId}' cannot be the id of a transaction.`,
    remedy: 'Use 1 to 90 printable ASCII characters, no quote, backslash or space.',
    details: { transactionId },
  });
}

/** The text itself when a transaction can have it for its id, else its SHA-256: the same for the same text, always. */
export function transactionIdOf(text: string): string {
  if (TRANSACTION_ID.test(text)) return text;
  return `sha256:${createHash('sha256').update(text).digest('base64url')}`;
}

/**
 * The identifier of a branch at a participant: `potter:<coordinator>:<participant>:<transaction id>`. At most 192 bytes:
 * PostgreSQL takes 200, and one name space for all databases of a server, which is why the participant is part of it.
 */
export function branchName(branch: BranchId, participant: string): string {
  assertTransactionId(branch.transactionId);
  return `${branchPrefix(branch.coordinator, participant)}${branch.transactionId}`;
}

/** What the identifiers of all branches of a coordinator at a participant begin with. */
export function branchPrefix(coordinator: string, participant: string): string {
  assertTwoPhaseName('participant', participant);
  if (!IDENTITY.test(coordinator)) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `'${coordinator}' is not the identity of a coordinator.`,
      remedy: 'Pass on what the coordinator sends.',
      details: { coordinator },
    });
  }
  return `potter:${coordinator}:${participant}:`;
}
