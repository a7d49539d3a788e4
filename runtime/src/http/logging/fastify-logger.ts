import type { FastifyBaseLogger } from 'fastify';
import type { LogFields, Logger } from '../../foundation/logger.ts';

/** Lets Fastify and `request.log` write to the Logger port. Fastify's order is fields first, then the message. */
export function fastifyLogger(logger: Logger): FastifyBaseLogger {
  const at =
    (write: (message: string, fields?: LogFields) => void) =>
    (first: unknown, second?: unknown): void => {
      const message = typeof first === 'string' ? first : String(second ?? '');
      if (message === '') return;
      if (first instanceof Error) write(message, { error: first });
      else if (first !== null && typeof first === 'object') write(message, first as LogFields);
      else write(message);
    };
  const adapter = {
    level: 'info',
    trace: at((message, fields) => logger.debug(message, fields)),
    debug: at((message, fields) => logger.debug(message, fields)),
    info: at((message, fields) => logger.info(message, fields)),
    warn: at((message, fields) => logger.warn(message, fields)),
    error: at((message, fields) => logger.error(message, fields)),
    fatal: at((message, fields) => logger.error(message, fields)),
    silent: () => {},
    child: (bindings: Record<string, unknown>) => fastifyLogger(logger.child(bindings)),
  };
  // The methods take any arguments; pino's type spells out its overloads.
  return adapter as unknown as FastifyBaseLogger;
}
