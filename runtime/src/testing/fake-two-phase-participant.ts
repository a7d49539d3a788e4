import { PotterError } from '../errors/potter-error.ts';
import { Rejection } from '../errors/rejection.ts';
import { type Clock, systemClock } from '../foundation/clock.ts';
import { abortError } from '../foundation/sleep.ts';
import { type BranchId, branchName } from '../sagas/two-phase-commit/branch-id.ts';
import type {
  BranchState,
  CallOptions,
  PreparedBranch,
  TwoPhaseParticipant,
} from '../sagas/two-phase-commit/two-phase-participant.ts';

interface Entry {
  readonly branch: BranchId;
  state: 'prepared' | 'committed' | 'aborted';
  readonly work: unknown;
  readonly sinceMs: number;
}

/** How a participant behaves: `silent` takes calls and never answers, `down` refuses them at once. */
export type FakeMode = 'up' | 'down' | 'silent';

/**
 * A participant without a database, for tests: it keeps the rules of the port, and has a switch. What it holds outlives
 * simulated processes, as a participant elsewhere would.
 */
export class FakeTwoPhaseParticipant implements TwoPhaseParticipant {
  readonly name: string;
  mode: FakeMode = 'up';
  /** Work that it votes "no" to. Default: none. */
  refuses: (work: unknown) => boolean = () => false;
  /** Calls that reached it, whether or not they were answered. */
  readonly calls: { readonly operation: string; readonly transactionId: string }[] = [];
  readonly #clock: Clock;
  readonly #branches = new Map<string, Entry>();

  constructor(name: string, options: { readonly clock?: Clock } = {}) {
    this.name = name;
    this.#clock = options.clock ?? systemClock;
  }

  /** The work that is committed, in the order in which it was. */
  get committed(): readonly unknown[] {
    return [...this.#branches.values()]
      .filter(({ state }) => state === 'committed')
      .map(({ work }) => work);
  }

  /** The ids of what it holds prepared. */
  get held(): readonly string[] {
    return [...this.#branches.values()]
      .filter(({ state }) => state === 'prepared')
      .map(({ branch }) => branch.transactionId);
  }

  async prepare(branch: BranchId, work: unknown, options: CallOptions): Promise<void> {
    await this.#enter('prepare', branch.transactionId, options);
    const name = branchName(branch, this.name);
    const known = this.#branches.get(name);
    if (known?.state === 'aborted') {
      throw new PotterError('FENCED', { message: `'${name}' was aborted before it was prepared.` });
    }
    if (known !== undefined) return;
    if (this.refuses(work)) throw new Rejection('REFUSED_BY_TEST', `${this.name} refuses.`);
    const sinceMs = this.#clock.now().getTime();
    this.#branches.set(name, { branch, state: 'prepared', work, sinceMs });
  }

  async commit(branch: BranchId, options: CallOptions): Promise<unknown> {
    await this.#enter('commit', branch.transactionId, options);
    const name = branchName(branch, this.name);
    const known = this.#branches.get(name);
    if (known === undefined || known.state === 'aborted') {
      throw new PotterError('TWO_PHASE_BRANCH_LOST', { message: `'${name}' is not prepared.` });
    }
    known.state = 'committed';
    return { by: this.name, work: known.work };
  }

  async abort(branch: BranchId, options: CallOptions): Promise<void> {
    await this.#enter('abort', branch.transactionId, options);
    const name = branchName(branch, this.name);
    const known = this.#branches.get(name);
    if (known?.state === 'committed') {
      throw new PotterError('TWO_PHASE_ALREADY_DECIDED', { message: `'${name}' is committed.` });
    }
    const sinceMs = this.#clock.now().getTime();
    const { work = null } = known ?? {};
    this.#branches.set(name, { branch, state: 'aborted', work, sinceMs });
  }

  async find(branch: BranchId, options: CallOptions): Promise<BranchState> {
    await this.#enter('find', branch.transactionId, options);
    return this.#branches.get(branchName(branch, this.name))?.state ?? 'unknown';
  }

  async prepared(coordinator: string, options: CallOptions): Promise<readonly PreparedBranch[]> {
    await this.#enter('prepared', '', options);
    const nowMs = this.#clock.now().getTime();
    return [...this.#branches.values()]
      .filter(({ state, branch }) => state === 'prepared' && branch.coordinator === coordinator)
      .map(({ branch, sinceMs }) => ({
        transactionId: branch.transactionId,
        ageMs: nowMs - sinceMs,
      }));
  }

  async #enter(operation: string, transactionId: string, { signal }: CallOptions): Promise<void> {
    this.calls.push({ operation, transactionId });
    if (signal.aborted) throw abortError(signal);
    switch (this.mode) {
      case 'up':
        return;
      case 'down':
        throw new PotterError('TWO_PHASE_PARTICIPANT_FAILED', {
          message: `Participant '${this.name}' is switched off.`,
        });
      case 'silent':
        await new Promise<never>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(abortError(signal)), { once: true });
        });
    }
  }
}
