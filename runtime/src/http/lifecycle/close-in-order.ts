import { describeError } from '../../errors/describe-error.ts';
import type { Logger } from '../../foundation/logger.ts';
import type { HttpApp } from '../http-app.ts';
import type { InFlight } from './in-flight.ts';

/** Something to close when the service stops. */
export interface ServiceResource {
  /** As it stands in the log when it hangs: `sagas`, `database pool`. */
  readonly name: string;
  /** @param withinMs the time it has, in milliseconds, for what can be cut short: running sagas, say. */
  close(withinMs: number): Promise<unknown>;
}

/** What a stop works on. */
export interface StopPlan {
  readonly app: HttpApp;
  readonly inFlight: InFlight;
  readonly resources: readonly ServiceResource[];
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Requests get this part of the time; the rest is kept for the resources, so that one slow client cannot keep sagas. */
const REQUESTS_SHARE = 0.6;

/** A resource is told of this part of what is left, so that it is done, and those after it too, when time is up. */
const RESOURCE_SHARE = 0.8;

/** Stops a service step by step, within its time. Returns what did not end by then; it is logged too. */
export async function closeInOrder(plan: StopPlan): Promise<readonly string[]> {
  const { app, inFlight, resources, timeoutMs, logger } = plan;
  const deadline = performance.now() + timeoutMs;
  const hung: string[] = [];
  const closing = app.close();
  if (!(await settlesWithin(closing, timeoutMs * REQUESTS_SHARE, 'requests', logger))) {
    hung.push(...inFlight.list());
    app.server.closeAllConnections();
  }
  for (const resource of resources) {
    const leftMs = Math.max(0, deadline - performance.now());
    // Inside of a promise, so that one that throws at once does not keep the others from being closed.
    const closed = Promise.resolve().then(() => resource.close(leftMs * RESOURCE_SHARE));
    if (!(await settlesWithin(closed, leftMs, resource.name, logger))) hung.push(resource.name);
  }
  if (hung.length > 0) {
    logger.error(`did not end within ${timeoutMs} ms: ${hung.join(', ')}`, { hung });
  }
  return hung;
}

/** Whether something settles in time. Failing is settling: it is logged, and the stop goes on. */
async function settlesWithin(
  work: PromiseLike<unknown>,
  timeoutMs: number,
  name: string,
  logger: Logger,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const settled = Promise.resolve(work).then(
    () => true as const,
    (error: unknown) => {
      logger.error(`${name} failed to close: ${describeError(error).message}`, { error });
      return true as const;
    },
  );
  try {
    return await Promise.race([settled, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
