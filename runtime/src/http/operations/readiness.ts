import { describeError } from '../../errors/describe-error.ts';
import { redactUrls } from '../logging/redaction.ts';

/** Something that must be true before the service can do its work. */
export interface ReadinessCheck {
  /** As it stands in the answer of `/ready`: `database`, `migrations`. */
  readonly name: string;
  /** Once it passed it is not asked again: for what cannot become untrue while the process lives. Default false. */
  readonly once?: boolean;
  /** Resolves when all is well, throws to say what is not. Is given up, and counts as failed, after 3 s. */
  check(signal: AbortSignal): Promise<unknown>;
}

/** What `/ready` answers. */
export interface ReadinessReport {
  readonly status: 'ready' | 'not-ready' | 'stopping';
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly message?: string }>>;
}

const PATIENCE_MS = 3_000;

/** Answers "can this process take work?" by asking every check, side by side. */
export class Readiness {
  readonly #checks: readonly ReadinessCheck[];
  readonly #passed = new Set<ReadinessCheck>();
  readonly #stopping: AbortSignal;

  constructor(checks: readonly ReadinessCheck[], stopping: AbortSignal) {
    this.#checks = checks;
    this.#stopping = stopping;
  }

  async report(): Promise<ReadinessReport> {
    const entries = await Promise.all(
      this.#checks.map(async (check) => [check.name, await this.#run(check)] as const),
    );
    const ok = entries.every(([, result]) => result.ok);
    const status = this.#stopping.aborted ? 'stopping' : ok ? 'ready' : 'not-ready';
    return { status, checks: Object.fromEntries(entries) };
  }

  async #run(check: ReadinessCheck): Promise<{ ok: boolean; message?: string }> {
    if (this.#passed.has(check)) return { ok: true };
    const patience = AbortSignal.timeout(PATIENCE_MS);
    try {
      await Promise.race([check.check(patience), givenUp(patience)]);
    } catch (error) {
      return { ok: false, message: redactUrls(describeError(error).message) };
    }
    if (check.once === true) this.#passed.add(check);
    return { ok: true };
  }
}

/** The driver may not look at the signal: waiting ends anyway. */
function givenUp(patience: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const giveUp = (): void => reject(new Error(`no answer within ${PATIENCE_MS} ms`));
    patience.addEventListener('abort', giveUp, { once: true });
  });
}
