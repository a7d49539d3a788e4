/** Foundation: the small, closed set of things everything else stands on. */
export { systemClock, type Clock, type Timer } from './clock.ts';
export { durationMs, type Duration } from './duration.ts';
export { newId, idOfName, isUuid } from './ids.ts';
export { canonicalJson, jsonCodec, type JsonCodec, type JsonValue } from './json.ts';
export { silentLogger, type LogFields, type Logger } from './logger.ts';
export { abortError, sleep, throwIfAborted } from './sleep.ts';
export {
  exponentialBackoff,
  nextDelayMs,
  noRetry,
  simpleRetry,
  type Jitter,
  type RetryPolicy,
  type RetryState,
} from './backoff.ts';
