import { isPotterError } from '../../errors/potter-error.ts';
import type { IdempotentOutcome } from '../../http/idempotency/idempotency-store.ts';
import type { PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { sqlStateOf } from '../connection/errors.ts';
import { inTransaction } from '../connection/transaction.ts';
import { keyId, type KeyRows } from './key-rows.ts';
import type { WaitingRequest } from './keyed-request.ts';
import { doneAgain, RequestPart, type SharedState } from './request-part.ts';
import { within } from './within.ts';

/** How long the key of one, taken in another process, may keep them all. Then each waits for its own. */
const LONGEST_CLAIM_MS = 2_000;

const LOCK_NOT_AVAILABLE = '55P03';

/** What a request came to, should the transaction be committed. */
type Ending =
  | { readonly kind: 'outcome'; readonly outcome: IdempotentOutcome }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** To be done by itself. */
  | { readonly kind: 'alone' };

const ALONE: Ending = { kind: 'alone' };

/** What running requests together needs. */
export interface SharedTransactionOptions {
  readonly pool: PostgresPool;
  readonly rows: KeyRows;
  /** How long they wait for the stream they are about. */
  readonly patienceMs: number;
  /** Told of a request that turned out to need a transaction of its own. */
  readonly onOwn: (request: WaitingRequest) => void;
}

/**
 * Does several requests in one transaction: takes their keys, runs their handlers at the same time, puts their answers,
 * commits. Each has its own outcome, and one that was refused without effect has it with the others, on whose events the
 * refusal may rest. Whatever cannot be told apart is rolled back, and each is done again by itself. Settles all; never
 * rejects.
 */
export async function runTogether(
  requests: readonly WaitingRequest[],
  options: SharedTransactionOptions,
): Promise<void> {
  /** The handlers that were begun: nobody is done again while it is still being done. */
  const running = new Map<WaitingRequest, Promise<Ending>>();
  const doAlone = (request: WaitingRequest): void =>
    void Promise.resolve(running.get(request)).then(() => request.resolve(undefined));
  let endings: ReadonlyMap<WaitingRequest, Ending>;
  try {
    endings = await inTransaction(options.pool, (transaction) =>
      attempt(transaction, requests, running, options),
    );
  } catch (error) {
    if (isOfUnknownOutcome(error) || isHeldUp(error)) {
      for (const { reject } of requests) reject(error);
    } else requests.forEach(doAlone);
    return;
  }
  for (const [request, ending] of endings) {
    switch (ending.kind) {
      case 'outcome':
        request.resolve(ending.outcome);
        break;
      case 'failed':
        request.reject(ending.error);
        break;
      case 'alone':
        doAlone(request);
        break;
    }
  }
}

async function attempt(
  transaction: PostgresTransaction,
  requests: readonly WaitingRequest[],
  running: Map<WaitingRequest, Promise<Ending>>,
  { rows, patienceMs, onOwn }: SharedTransactionOptions,
): Promise<ReadonlyMap<WaitingRequest, Ending>> {
  const identities = requests.map(({ identity }) => identity);
  const claimMs = Math.min(patienceMs, LONGEST_CLAIM_MS);
  const claimed = await rows.claimAll(transaction, identities, claimMs);
  const isClaimed = ({ identity }: WaitingRequest): boolean => claimed.has(keyId(identity));
  const taken = requests.filter((request) => !isClaimed(request));
  if (taken.length > 0) await replayAll(transaction, taken, rows);
  await rows.waitAtMost(transaction, patienceMs);
  const shared: SharedState = {
    stream: undefined,
    isSpoilt: false,
    isOver: false,
    heldUp: undefined,
  };
  const whole = untilOver(transaction, shared);
  for (const request of requests.filter(isClaimed)) {
    running.set(request, runOne(request, whole, shared, onOwn));
  }
  // The stream's lock gives up first: that is an answer, and handlers that do not end are none.
  const inTime = await within(Promise.all(running.values()), patienceMs + LONGEST_CLAIM_MS);
  shared.isOver = true;
  if (shared.heldUp !== undefined) throw shared.heldUp;
  if (!inTime || shared.isSpoilt) throw doneAgain();
  const endings = new Map<WaitingRequest, Ending>();
  for (const [request, run] of running) endings.set(request, await run);
  await settleKeys(transaction, [...running.keys()], endings, rows);
  return endings;
}

/** The transaction for repositories, who may come late when a handler was not waited for. */
function untilOver(transaction: PostgresTransaction, shared: SharedState): PostgresTransaction {
  return {
    query: async (statement) => {
      if (shared.isOver) throw doneAgain();
      return transaction.query(statement);
    },
  };
}

/** Runs a handler, where its sender is. Never rejects. */
async function runOne(
  request: WaitingRequest,
  whole: PostgresTransaction,
  shared: SharedState,
  onOwn: (request: WaitingRequest) => void,
): Promise<Ending> {
  const part = new RequestPart(whole, shared);
  let ending: Ending;
  try {
    const response = await request.context.runInAsyncScope(() => request.work(part.transaction));
    ending = { kind: 'outcome', outcome: { response, replayed: false } };
    // It answered without waiting for its command: what that will do is in nobody's answer.
    if (part.isUnderWay) shared.isSpoilt = true;
  } catch (error) {
    const response = request.options.refusal(error);
    ending =
      response === undefined
        ? { kind: 'failed', error }
        : { kind: 'outcome', outcome: { response, replayed: false } };
    if (part.hasEffect) shared.isSpoilt = true;
    if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) shared.heldUp ??= error;
  }
  if (!part.isOwn) return ending;
  onOwn(request);
  if (part.hasEffect) shared.isSpoilt = true;
  return ALONE;
}

/** Remembers the answers; the keys of those without are free again. */
async function settleKeys(
  transaction: PostgresTransaction,
  requests: readonly WaitingRequest[],
  endings: ReadonlyMap<WaitingRequest, Ending>,
  rows: KeyRows,
): Promise<void> {
  const answered = requests.flatMap((request) => {
    const ending = endings.get(request);
    return ending?.kind === 'outcome' ? [[request.identity, ending.outcome.response] as const] : [];
  });
  if (answered.length > 0) await rows.completeAll(transaction, answered);
  for (const request of requests) {
    if (endings.get(request)?.kind !== 'outcome') await rows.release(transaction, request.identity);
  }
}

/** Gives those whose key was taken before what is remembered: it is committed, whatever becomes of the others. */
async function replayAll(
  transaction: PostgresTransaction,
  requests: readonly WaitingRequest[],
  rows: KeyRows,
): Promise<void> {
  const identities = requests.map(({ identity }) => identity);
  const known = await rows.readAll(transaction, identities);
  for (const { identity, resolve, reject } of requests) {
    const answer = known.get(keyId(identity));
    if (answer === undefined) resolve(undefined);
    else if (answer instanceof Error) reject(answer);
    else resolve({ response: answer, replayed: true });
  }
}

/** Somebody had the stream for longer than they may wait. One by one they would only wait again. */
function isHeldUp(error: unknown): boolean {
  return (
    sqlStateOf(error) === LOCK_NOT_AVAILABLE && !isPotterError(error, 'IDEMPOTENCY_KEY_IN_USE')
  );
}

/** The connection broke during the commit. */
function isOfUnknownOutcome(error: unknown): boolean {
  return isPotterError(error, 'DATABASE_UNAVAILABLE') && error.details['outcome'] === 'unknown';
}
