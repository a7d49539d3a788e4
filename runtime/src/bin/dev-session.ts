import { relative } from 'node:path';
import { onAbandoned } from '../foundation/abandoned.ts';
import type { Logger } from '../foundation/logger.ts';
import { ServiceProcess } from './service-process.ts';
import { watchTree } from './watch-tree.ts';

/** What a session runs and watches. */
export interface DevSessionOptions {
  readonly entry: string;
  readonly args: readonly string[];
  readonly watch: boolean;
  /** Folders and single files whose change starts the service again. */
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Called before each restart after a change of an SQL file. */
  readonly migrate: () => Promise<void>;
  readonly logger: Logger;
}

/** Somebody who sends a second signal this much later than the first is tired of waiting. npm sends doubles at once. */
const IMPATIENCE_MS = 500;

/**
 * Runs the service and starts it again when its sources change.
 * A service that ends by itself ends the session with its code. There is one exception: one that fails after a reload
 * is most likely half an edit, so the session waits for the next change.
 */
export class DevSession {
  readonly #options: DevSessionOptions;
  #service: ServiceProcess | undefined;
  #changed = new Set<string>();
  #wake: () => void = () => {};
  #stoppedAt: number | undefined;
  #reloaded = false;

  constructor(options: DevSessionOptions) {
    this.#options = options;
  }

  /** Returns the exit code. */
  async run(): Promise<number> {
    const { watch, folders, files } = this.#options;
    const onSignal = (signal: NodeJS.Signals): void => this.#onSignal(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, onSignal);
    const lookAway = onAbandoned(() => process.kill(process.pid, 'SIGTERM'));
    const watcher = watch ? watchTree(folders, files, (paths) => this.#onChange(paths)) : undefined;
    try {
      return await this.#loop();
    } finally {
      watcher?.close();
      lookAway();
      for (const signal of signals) process.off(signal, onSignal);
    }
  }

  async #loop(): Promise<number> {
    let code = 0;
    while (this.#stoppedAt === undefined) {
      this.#service = ServiceProcess.start(this.#options.entry, this.#options.args);
      const ended = await this.#untilEndOrChange(this.#service);
      this.#service = undefined;
      code = ended ?? 0;
      if (ended !== undefined) {
        if (this.#stoppedAt !== undefined || ended === 0 || !this.#reloaded) return ended;
        this.#options.logger.info(`ended with code ${ended}; waiting for a change`);
      }
      await this.#nextReload();
    }
    return code;
  }

  /** The exit code, or undefined when the service was stopped because of a change. */
  async #untilEndOrChange(service: ServiceProcess): Promise<number | undefined> {
    const change = this.#change();
    const ended = await Promise.race([service.exited, change]);
    if (ended !== undefined) return ended;
    if (this.#stoppedAt !== undefined) return service.exited;
    await service.stop();
    return undefined;
  }

  /** Returns when there is something new to run, or nothing more to do. */
  async #nextReload(): Promise<void> {
    while (this.#stoppedAt === undefined) {
      await this.#change();
      const paths = [...this.#changed];
      this.#changed.clear();
      if (this.#stoppedAt !== undefined) return;
      this.#reloaded = true;
      this.#options.logger.info(`reloading: ${summary(paths)} changed`);
      if (!paths.some((path) => path.endsWith('.sql'))) return;
      try {
        return await this.#options.migrate();
      } catch (error) {
        this.#options.logger.error('waiting for a change', { error });
      }
    }
  }

  /** Settles when something has changed since the last look, or the session is to stop. */
  #change(): Promise<undefined> {
    return new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
      if (this.#changed.size > 0 || this.#stoppedAt !== undefined) resolve(undefined);
    });
  }

  #onChange(paths: readonly string[]): void {
    for (const path of paths) this.#changed.add(path);
    this.#wake();
  }

  #onSignal(signal: NodeJS.Signals): void {
    const now = performance.now();
    if (this.#stoppedAt === undefined) {
      this.#stoppedAt = now;
      this.#service?.signal(signal);
      this.#wake();
    } else if (now - this.#stoppedAt > IMPATIENCE_MS) {
      this.#options.logger.warn('killing the service at a second signal');
      this.#service?.kill();
    }
  }
}

function summary(paths: readonly string[]): string {
  const [first = '', ...rest] = paths.map((path) => relative(process.cwd(), path));
  return rest.length === 0 ? first : `${first} and ${rest.length} more`;
}
