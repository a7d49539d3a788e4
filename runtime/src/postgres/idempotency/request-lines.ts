import type { WaitingRequest } from './keyed-request.ts';

/** Requests that are done together, at most: so many answers are lost from sight when a commit is. */
const MOST_TOGETHER = 100;

/** Lines of requests about the same thing: while some are done, those that come wait, and are done together. */
export class RequestLines {
  readonly #lines = new Map<string, WaitingRequest[]>();
  readonly #work: (requests: readonly WaitingRequest[]) => Promise<void>;

  /** @param work settles each request, never rejects, and ends in a time it sees to itself. */
  constructor(work: (requests: readonly WaitingRequest[]) => Promise<void>) {
    this.#work = work;
  }

  add(resource: string, request: WaitingRequest): void {
    const line = this.#lines.get(resource);
    if (line !== undefined) {
      line.push(request);
      return;
    }
    const first = [request];
    this.#lines.set(resource, first);
    void this.#serve(resource, first);
  }

  async #serve(resource: string, line: WaitingRequest[]): Promise<void> {
    while (line.length > 0) await this.#work(line.splice(0, MOST_TOGETHER));
    this.#lines.delete(resource);
  }
}
