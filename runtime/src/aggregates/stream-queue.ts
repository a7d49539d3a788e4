import { PotterError } from '../errors/potter-error.ts';
import { abortError } from '../foundation/sleep.ts';

/** Something that waits for its turn. */
export interface Queued {
  readonly signal: AbortSignal | undefined;
  readonly reject: (error: unknown) => void;
}

/** How a queue works through its lines. */
export interface StreamQueueOptions<Job extends Queued, Leftover> {
  /** Most jobs that may wait in one line. */
  readonly limit: number;
  /** Most jobs that `work` is given at once. */
  readonly together: number;
  /**
   * Does the jobs and never rejects. Gets what the work before it left (the state it wrote), and may leave something for
   * the next. It is forgotten when the line is empty.
   */
  readonly work: (
    stream: string,
    jobs: readonly Job[],
    leftover: Leftover | undefined,
  ) => Promise<Done<Leftover>>;
}

/** Work that was done. */
export interface Done<Leftover> {
  readonly left: Leftover | undefined;
  /** Tells those who wait. Called when the line is in order, so that what they do next finds it so. */
  readonly settle: () => void;
}

/**
 * Lets the work on one stream happen one after the other within this process, and the work on different streams at the
 * same time. Without it, a thousand writers of one stream would all load, one would win, and the others would load
 * again: quadratic work, and the unlucky ones give up. Work in other processes still conflicts, and is retried.
 */
export class StreamQueue<Job extends Queued, Leftover> {
  /** Who waits, each with what undoes its listening to its signal. */
  readonly #lines = new Map<string, Map<Job, () => void>>();
  readonly #options: StreamQueueOptions<Job, Leftover>;

  constructor(options: StreamQueueOptions<Job, Leftover>) {
    this.#options = options;
  }

  /** Puts a job in its line. It is rejected with `OVERLOADED` when the line is full, `ABORTED` when its signal fires. */
  add(stream: string, job: Job): void {
    const { signal } = job;
    if (signal?.aborted) {
      job.reject(abortError(signal));
      return;
    }
    const line = this.#lines.get(stream);
    if (line === undefined) {
      const first = new Map([[job, () => {}]]);
      this.#lines.set(stream, first);
      void this.#serve(stream, first);
      return;
    }
    if (line.size >= this.#options.limit) {
      job.reject(overloaded(stream, this.#options.limit));
      return;
    }
    const giveUp = (): void => {
      line.delete(job);
      job.reject(abortError(signal));
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    line.set(job, () => signal?.removeEventListener('abort', giveUp));
  }

  async #serve(stream: string, line: Map<Job, () => void>): Promise<void> {
    const { together, work } = this.#options;
    let leftover: Leftover | undefined;
    while (line.size > 0) {
      const next = [...line].slice(0, together);
      for (const [job, stopListening] of next) {
        stopListening();
        line.delete(job);
      }
      const jobs = next.map(([job]) => job);
      const { left, settle } = await work(stream, jobs, leftover);
      leftover = left;
      if (line.size === 0) this.#lines.delete(stream);
      settle();
    }
  }
}

function overloaded(stream: string, limit: number): PotterError {
  return new PotterError('OVERLOADED', {
    message: `${limit} commands already wait for stream '${stream}' in this process.`,
    remedy:
      'Let the caller try again later, or split what everybody writes to into several streams.',
    details: { stream, limit },
  });
}
