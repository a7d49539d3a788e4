import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';

/** What a process of the fleet is asked to do. */
export type FleetOrder =
  /** Start sagas for so long, so many at a time, and run them. */
  | { readonly kind: 'start'; readonly inFlight: number; readonly durationMs: number }
  /** Run what others start, until told that it is enough. */
  | { readonly kind: 'serve' };

/** What it answers. */
export type FleetReport =
  | { readonly kind: 'ready' }
  /** So many sagas ended since this was said last. */
  | { readonly kind: 'ended'; readonly count: number }
  | FleetResult
  | { readonly kind: 'stopped' };

export interface FleetResult {
  readonly kind: 'done';
  /** Sagas that this process started; each was seen to end. */
  readonly sagas: number;
  readonly perSecond: number;
  /** The CPU that this process used. */
  readonly cpuMs: number;
}

/** A process that lives through the whole bench, so that its compiler knows the way. */
export interface FleetProcess {
  /** @returns what came of it; `ended` is called with the number of sagas that end, when others start them. */
  order(
    order: FleetOrder,
    ended?: (count: number) => void,
  ): Promise<{ readonly enough: () => void; readonly result: Promise<FleetResult> }>;
  end(): Promise<void>;
}

export function startProcess(url: string): FleetProcess {
  const child = fork(join(import.meta.dirname, 'sagas-fleet.program.ts'), [url]);
  const heard = new EventEmitter();
  child.on('message', (report: FleetReport) => heard.emit(report.kind, report));
  return {
    order: async (order, ended = () => {}) => {
      const ready = once(heard, 'ready');
      const done = once(heard, 'done');
      const stopped = once(heard, 'stopped');
      const hear = ({ count }: { readonly count: number }): void => ended(count);
      heard.on('ended', hear);
      child.send(order);
      await ready;
      const result = (async () => {
        const [answer] = (await done) as [FleetResult];
        await stopped;
        heard.off('ended', hear);
        return answer;
      })();
      return { enough: () => child.send('enough'), result };
    },
    end: async () => {
      const exited = once(child, 'exit');
      child.send('end');
      await exited;
    },
  };
}
