import { onAbandoned } from '../../foundation/abandoned.ts';
import type { Logger } from '../../foundation/logger.ts';
import { exitWithOneLine } from './exit-with-one-line.ts';

/** What a process needs of its service. */
export interface RunnableService {
  listen(): Promise<string>;
  /** Resolves to what did not end in time. */
  close(): Promise<readonly string[]>;
  readonly logger: Logger;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * The life of a service process: listens; on SIGTERM or SIGINT stops gracefully and exits with 0, or 1 when something
 * hung; on a second signal exits at once; on an error that nobody caught logs it, stops the same way and exits with 1.
 */
export async function runUntilStopped(service: RunnableService): Promise<void> {
  const { logger } = service;
  let stopping = false;
  const stop = async (reason: string, exitCode: number): Promise<void> => {
    if (stopping) {
      logger.warn(`${reason} again: exiting at once`);
      process.exit(1);
    }
    stopping = true;
    logger.info(`${reason}: stopping`);
    const hung = await service.close();
    process.exit(hung.length > 0 ? 1 : exitCode);
  };
  for (const signal of SIGNALS) process.on(signal, () => void stop(signal, 0));
  // A rejection that nobody handles becomes one of these too.
  process.on('uncaughtException', (error, origin) => {
    logger.error('an error that nobody caught', { error });
    if (!stopping) void stop(origin, 1);
  });
  onAbandoned(() => {
    if (!stopping) void stop('the script that started this process is gone', 0);
  });
  try {
    await service.listen();
  } catch (error) {
    exitWithOneLine(error);
  }
}
