import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a process of the fleet reports when it is through. */
export interface FleetResult {
  /** Sagas that were started; each was seen to end. */
  readonly sagas: number;
  readonly perSecond: number;
  /** Sagas of the measured time, and the CPU this process used for them. */
  readonly measured: number;
  readonly cpuMs: number;
}

/**
 * Starts a process with a saga engine of its own; resolves when it is warm. `go` lets it run sagas for a while, so many at a
 * time, and ends it.
 */
export async function startProcess(
  url: string,
  inFlight: number,
  durationMs: number,
): Promise<{ readonly go: () => Promise<FleetResult> }> {
  const child = fork(join(import.meta.dirname, 'sagas-fleet.program.ts'), [
    url,
    String(inFlight),
    String(durationMs),
  ]);
  // Its first word is that it is ready, its second the result.
  const [ready] = (await once(child, 'message')) as [unknown];
  if (ready !== 'ready') throw new Error(`A process of the fleet said ${JSON.stringify(ready)}.`);
  return {
    go: async () => {
      const ended = once(child, 'exit');
      child.send('go');
      const [result] = (await once(child, 'message')) as [FleetResult];
      await ended;
      return result;
    },
  };
}
