import { relative } from 'node:path';
import { onAbandoned } from '../foundation/abandoned.ts';
import type { Logger } from '../foundation/logger.ts';
import { type ServiceEnd, ServiceProcess } from './service-process.ts';
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
  /** What the service finds in its environment; asked before each start. */
  readonly environment: () => NodeJS.ProcessEnv;
  readonly logger: Logger;
}

/** Somebody who sends a second signal this much later than the first is tired of waiting. npm sends doubles at once. */
const IMPATIENCE_MS = 500;

/**
 * Runs the service and starts it again when its sources change.
 * A service that ends by itself ends the session with its code: it is done, or refused to start with these settings. One
 * that crashed, or failed after a reload, waits for the next change, which it most likely needs. One that somebody killed
 * is started again: nothing is wrong with it, and how it goes on is what they want to see.
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
    const { entry, args } = this.#options;
    let environment = this.#options.environment();
    let code = 0;
    while (this.#stoppedAt === undefined) {
      this.#service = ServiceProcess.start(entry, args, environment);
      const end = await this.#untilEndOrChange(this.#service);
      this.#service = undefined;
      code = end?.code ?? 0;
      const next = end === undefined ? 'reload' : this.#after(end);
      if (next === 'end') return code;
      if (next === 'reload') environment = await this.#nextReload(environment);
    }
    return code;
  }

  /** How the service ended, or undefined when it was stopped because of a change. */
  async #untilEndOrChange(service: ServiceProcess): Promise<ServiceEnd | undefined> {
    const change = this.#change();
    const end = await Promise.race([service.ended, change]);
    if (end !== undefined) return end;
    if (this.#stoppedAt !== undefined) return service.ended;
    await service.stop();
    return undefined;
  }

  /** What comes after an end that nobody here asked for, said in one line. */
  #after({ kind, code }: ServiceEnd): 'end' | 'reload' | 'start' {
    const { watch, logger } = this.#options;
    if (this.#stoppedAt !== undefined) return 'end';
    switch (kind) {
      case 'killed':
        logger.warn(`the service was killed (SIGKILL)${watch ? '; starting it again' : ''}`);
        return watch ? 'start' : 'end';
      case 'crashed':
        if (!watch) return 'end';
        break;
      case 'exited':
        if (code === 0 || !this.#reloaded) return 'end';
        break;
    }
    logger.warn(`the service ${kind} with code ${code}; waiting for a change (Ctrl-C ends)`);
    return 'reload';
  }

  /** Returns when there is something new to run, with its environment, or nothing more to do. */
  async #nextReload(environment: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
    while (this.#stoppedAt === undefined) {
      await this.#change();
      const paths = [...this.#changed];
      this.#changed.clear();
      if (this.#stoppedAt !== undefined) break;
      this.#reloaded = true;
      this.#options.logger.info(`reloading: ${summary(paths)} changed`);
      try {
        if (paths.some((path) => path.endsWith('.sql'))) await this.#options.migrate();
        return this.#options.environment();
      } catch (error) {
        this.#options.logger.error('waiting for a change', { error });
      }
    }
    return environment;
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
