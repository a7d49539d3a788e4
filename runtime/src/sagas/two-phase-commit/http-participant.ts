import { PotterError } from '../../errors/potter-error.ts';
import { Rejection, type RejectionKind } from '../../errors/rejection.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import { jsonCodec } from '../../foundation/json.ts';
import { assertTwoPhaseName, type BranchId } from './branch-id.ts';
import type {
  BranchState,
  CallOptions,
  PreparedBranch,
  TwoPhaseParticipant,
} from './two-phase-participant.ts';

/** Options of {@link httpParticipant}. */
export interface HttpParticipantOptions {
  readonly name: string;
  /** Where its endpoints are, without the last part: `http://north.example/two-phase`. */
  readonly url: string;
  /** Sent with every request: an authorization, for instance. Asked for each time, so that a token may change. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Of one request. Default 10 s, or what the coordinator gives it, whichever is shorter. */
  readonly timeout?: Duration;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
}

/**
 * A participant behind five HTTP endpoints, as `twoPhaseParticipantRoutes` (`potter-runtime/http`) has them, or any
 * program that answers alike. Requests and answers are JSON; a request may come twice.
 *
 * | request | answer |
 * |---|---|
 * | `POST /prepare` `{coordinator, transactionId, work}` | 200 `{vote: "prepared"}` or `{vote: "refused", code, message, kind}` |
 * | `POST /commit` `{coordinator, transactionId}` | 200 `{result}`; 409 with `code` `TWO_PHASE_BRANCH_LOST` |
 * | `POST /abort` `{coordinator, transactionId}` | 200 `{}`; 409 with `code` `TWO_PHASE_ALREADY_DECIDED` |
 * | `GET /branch?coordinator=&transactionId=` | 200 `{state}` |
 * | `GET /prepared?coordinator=` | 200 `{branches: [{transactionId, ageMs}]}` |
 *
 * Any other answer is a failure, and the request is made again.
 */
export function httpParticipant<Work = unknown>(
  options: HttpParticipantOptions,
): TwoPhaseParticipant<Work> {
  return new HttpParticipant(options);
}

/** Codes that mean the same on both sides. */
const SHARED_CODES = ['FENCED', 'TWO_PHASE_BRANCH_LOST', 'TWO_PHASE_ALREADY_DECIDED'] as const;

class HttpParticipant implements TwoPhaseParticipant {
  readonly name: string;
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #headers: () => Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;

  constructor(options: HttpParticipantOptions) {
    assertTwoPhaseName('participant', options.name);
    this.name = options.name;
    this.#url = options.url.replace(/\/+$/, '');
    this.#timeoutMs = durationMs(options.timeout ?? '10s');
    this.#headers = options.headers ?? (() => ({}));
    this.#fetch = options.fetch ?? fetch;
  }

  async prepare(branch: BranchId, work: unknown, options: CallOptions): Promise<void> {
    const answer = await this.#post('prepare', { ...branch, work: work ?? null }, options);
    if (answer['vote'] === 'prepared') return;
    if (answer['vote'] === 'refused') throw rejectionOf(answer);
    throw this.#unexpected('prepare', `it answered the vote ${JSON.stringify(answer['vote'])}`);
  }

  async commit(branch: BranchId, options: CallOptions): Promise<unknown> {
    return (await this.#post('commit', { ...branch }, options))['result'] ?? null;
  }

  async abort(branch: BranchId, options: CallOptions): Promise<void> {
    await this.#post('abort', { ...branch }, options);
  }

  async find(branch: BranchId, options: CallOptions): Promise<BranchState> {
    const query = new URLSearchParams({ ...branch });
    const { state } = await this.#request(
      'branch',
      `branch?${query.toString()}`,
      { method: 'GET' },
      options,
    );
    if (isBranchState(state)) return state;
    throw this.#unexpected('branch', `it answered the state ${JSON.stringify(state)}`);
  }

  async prepared(coordinator: string, options: CallOptions): Promise<readonly PreparedBranch[]> {
    const path = `prepared?${new URLSearchParams({ coordinator }).toString()}`;
    const { branches } = await this.#request('prepared', path, { method: 'GET' }, options);
    if (Array.isArray(branches) && branches.every(isPreparedBranch)) return branches;
    throw this.#unexpected('prepared', 'it did not answer a list of branches');
  }

  #post(operation: string, body: object, options: CallOptions): Promise<Answer> {
    const request = {
      method: 'POST',
      body: jsonCodec.encode(body),
      headers: { 'content-type': 'application/json' },
    };
    return this.#request(operation, operation, request, options);
  }

  async #request(
    operation: string,
    path: string,
    request: {
      readonly method: string;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    },
    { signal }: CallOptions,
  ): Promise<Answer> {
    let status: number;
    let answer: unknown;
    try {
      const response = await this.#fetch(`${this.#url}/${path}`, {
        ...request,
        headers: { accept: 'application/json', ...request.headers, ...this.#headers() },
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
      });
      status = response.status;
      const text = await response.text();
      answer = text === '' ? {} : jsonCodec.decode(text);
    } catch (error) {
      throw this.#unexpected(operation, 'there was no answer', error);
    }
    if (!isAnswer(answer)) throw this.#unexpected(operation, 'its answer is not a JSON object');
    if (status >= 200 && status < 300) return answer;
    const shared = SHARED_CODES.find((code) => code === answer['code']);
    const detail = typeof answer['detail'] === 'string' ? answer['detail'] : `status ${status}`;
    if (shared !== undefined) {
      throw new PotterError(shared, { message: `Participant '${this.name}': ${detail}` });
    }
    throw this.#unexpected(operation, `it answered ${status}: ${detail}`);
  }

  #unexpected(operation: string, what: string, cause?: unknown): PotterError {
    return new PotterError('TWO_PHASE_PARTICIPANT_FAILED', {
      message: `Participant '${this.name}' at ${this.#url} was asked for '${operation}': ${what}.`,
      remedy:
        'The call is repeated by itself; when it goes on failing, see what that service says.',
      details: { participant: this.name, operation },
      cause,
    });
  }
}

type Answer = Readonly<Record<string, unknown>>;

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const STATES: ReadonlySet<string> = new Set(['prepared', 'committed', 'aborted', 'unknown']);

function isBranchState(value: unknown): value is BranchState {
  return typeof value === 'string' && STATES.has(value);
}

function isPreparedBranch(value: unknown): value is PreparedBranch {
  return (
    isAnswer(value) &&
    typeof value['transactionId'] === 'string' &&
    typeof value['ageMs'] === 'number'
  );
}

function rejectionOf({ code, message, kind, details }: Answer): Rejection {
  return new Rejection(
    typeof code === 'string' ? code : 'REFUSED',
    typeof message === 'string' ? message : 'The participant refused.',
    {
      kind: isRejectionKind(kind) ? kind : 'rule',
      ...(isAnswer(details) && { details }),
    },
  );
}

function isRejectionKind(value: unknown): value is RejectionKind {
  return value === 'conflict' || value === 'rule' || value === 'not-found';
}
