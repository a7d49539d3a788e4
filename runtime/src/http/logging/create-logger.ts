import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { LogFields, Logger } from '../../foundation/logger.ts';
import { redact, redactUrls } from './redaction.ts';
import { terminalDestination } from './terminal-destination.ts';

/** From chatty to mute. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** How a service logs. */
export interface LoggerOptions {
  /** Stands in each line. */
  readonly name?: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default: standard output, one JSON object a line, or lines for people when that is a terminal. */
  readonly destination?: DestinationStream;
}

/**
 * The Logger port on pino. Passwords in URLs, authorization headers and cookies are blotted out. Lines are written
 * before the call returns, so that none is lost when the process ends.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const destination =
    options.destination ??
    (process.stdout.isTTY
      ? terminalDestination(process.stdout)
      : pino.destination({ dest: 1, sync: true }));
  const base = options.name === undefined ? {} : { name: options.name };
  return new PinoAdapter(
    pino(
      {
        level: options.level ?? 'info',
        base,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination,
    ),
  );
}

class PinoAdapter implements Logger {
  readonly #pino: PinoLogger;

  constructor(instance: PinoLogger) {
    this.#pino = instance;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new PinoAdapter(this.#pino.child(redact(fields) as Record<string, unknown>));
  }

  #write(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: LogFields): void {
    // Redaction walks the fields: not for lines that nobody will see.
    if (!this.#pino.isLevelEnabled(level)) return;
    this.#pino[level](redact(fields ?? {}) as object, redactUrls(message));
  }
}
