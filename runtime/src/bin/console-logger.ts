import type { Logger } from '../foundation/logger.ts';

/** Writes single lines for people to stderr: a program's own output keeps stdout to itself. */
export function consoleLogger(command: string): Logger {
  const write = (message: string, error?: unknown): void => {
    const reason = error instanceof Error ? ` (${error.message.replace(/\s*\n\s*/g, ' ')})` : '';
    process.stderr.write(`${command}: ${message}${reason}\n`);
  };
  const logger: Logger = {
    debug: () => {},
    info: (message) => write(message),
    warn: (message, fields) => write(message, fields?.['error']),
    error: (message, fields) => write(message, fields?.['error']),
    child: () => logger,
  };
  return logger;
}
