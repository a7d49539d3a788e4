import { PotterError } from '../errors/potter-error.ts';
import { abortError } from '../foundation/sleep.ts';

interface Waiting {
  readonly start: () => void;
}

/** One stream's line. `leftover` is what the last one in it left for the next. */
interface Line<Leftover> {
  readonly waiting: Set<Waiting>;
  leftover: Leftover | undefined;
}

/**
 * Lets the work on one stream happen one after the other within this process, and the work on different streams at the
 * same time. Without it, a thousand writers of one stream would all load, one would win, and the others would load
 * again: quadratic work, and the unlucky ones give up. Work in other processes still conflicts, and is retried.
 *
 * What one work leaves (the state it wrote) is handed to the next in line, and forgotten when the line is empty.
 */
export class StreamQueue<Leftover> {
  readonly #lines = new Map<string, Line<Leftover>>();
  readonly #limit: number;

  /** @param limit most that may wait in one line. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Runs `work` when all earlier work on `stream` is over. It gets what its predecessor left, and leaves something by
   * calling `leave`; when it does not, its successor gets nothing.
   * @throws PotterError `OVERLOADED` when the line is full, `ABORTED` when `signal` fires while waiting.
   */
  async run<T>(
    stream: string,
    signal: AbortSignal | undefined,
    work: (leftover: Leftover | undefined, leave: (leftover: Leftover) => void) => Promise<T>,
  ): Promise<T> {
    let line = this.#lines.get(stream);
    if (line === undefined) {
      line = { waiting: new Set(), leftover: undefined };
      this.#lines.set(stream, line);
    } else {
      await this.#turn(stream, line, signal);
    }
    const { leftover } = line;
    line.leftover = undefined;
    try {
      return await work(leftover, (next) => {
        line.leftover = next;
      });
    } finally {
      const [next] = line.waiting;
      if (next === undefined) this.#lines.delete(stream);
      else {
        line.waiting.delete(next);
        next.start();
      }
    }
  }

  #turn(stream: string, line: Line<Leftover>, signal: AbortSignal | undefined): Promise<void> {
    if (line.waiting.size >= this.#limit) return Promise.reject(overloaded(stream, this.#limit));
    if (signal?.aborted) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        line.waiting.delete(waiting);
        reject(abortError(signal));
      };
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      line.waiting.add(waiting);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
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
