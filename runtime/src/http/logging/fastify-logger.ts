import type { FastifyBaseLogger } from 'fastify';
import type { LogFields, Logger } from '../../foundation/logger.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Lets Fastify and `request.log` write to the Logger port. Fastify's order is fields first, then the message. */
export function fastifyLogger(logger: Logger): FastifyBaseLogger {
  return {
    level: 'info',
    trace: writer(logger, 'debug'),
    debug: writer(logger, 'debug'),
    info: writer(logger, 'info'),
    warn: writer(logger, 'warn'),
    error: writer(logger, 'error'),
    fatal: writer(logger, 'error'),
    silent: () => {},
    child: (bindings: Record<string, unknown>) => fastifyLogger(logger.child(bindings)),
  };
}

/** Fastify says nothing with an empty message: the start line is ours to write. */
function writer(logger: Logger, level: Level): (first: unknown, second?: unknown) => void {
  return (first, second) => {
    const message =
      [first, second].find((value): value is string => typeof value === 'string') ?? '';
    if (message === '' && !(first instanceof Error)) return;
    if (first instanceof Error)
      logger[level](message === '' ? first.message : message, { error: first });
    else if (first !== null && typeof first === 'object')
      logger[level](message, first as LogFields);
    else logger[level](message);
  };
}
