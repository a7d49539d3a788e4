import { isDatabaseUrl } from '../../foundation/database-url.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';

/** How one environment variable is read. */
export interface Variable<T> {
  /** What is accepted, for the line that refuses a bad value: `a whole number from 0 to 65535`. */
  readonly accepted: string;
  /** Whether the value may stand in a message. URLs may hold passwords and are not shown. */
  readonly secret: boolean;
  /** The value, or undefined when the text is not accepted. */
  parse(text: string): T | undefined;
  /** What a variable that is not set, or empty, means; `required` when the start must fail. */
  readonly fallback: { readonly kind: 'value'; readonly value: T } | { readonly kind: 'required' };
}

type Fallback<T> = Variable<T>['fallback'];

function fallbackOf<T>(options: { readonly default?: T }): Fallback<T> {
  return options.default === undefined
    ? { kind: 'required' }
    : { kind: 'value', value: options.default };
}

/** Makes a variable optional: undefined when it is not set. */
export function optional<T>(variable: Variable<T>): Variable<T | undefined> {
  return { ...variable, fallback: { kind: 'value', value: undefined } };
}

/** Any text. Pass `secret: true` for what must not be printed. */
export function text(
  options: { readonly default?: string; readonly secret?: boolean } = {},
): Variable<string> {
  const { secret = false } = options;
  return { accepted: 'any text', secret, parse: (value) => value, fallback: fallbackOf(options) };
}

/** A whole number, both ends included. */
export function integer(
  options: { readonly min?: number; readonly max?: number; readonly default?: number } = {},
): Variable<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return {
    accepted: `a whole number from ${min} to ${max}`,
    secret: false,
    parse: (value) => {
      const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    },
    fallback: fallbackOf(options),
  };
}

/** A TCP port; 0 means any free one. */
export function port(options: { readonly default?: number } = {}): Variable<number> {
  return {
    ...integer({ max: 65_535, ...options }),
    accepted: 'a port from 1 to 65535, or 0 for any free one',
  };
}

/** A length of time: `250ms`, `30s`, `5m`. A bare number is refused: nobody could tell its unit. */
export function duration(options: { readonly default?: Duration } = {}): Variable<Duration> {
  return {
    accepted: "a number with ms, s, m, h or d, such as '10s'",
    secret: false,
    parse: (value) => {
      try {
        const form = value as Duration;
        durationMs(form);
        return form;
      } catch {
        return undefined;
      }
    },
    fallback: fallbackOf(options),
  };
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  options: { readonly default?: Word } = {},
): Variable<Word> {
  return {
    accepted: `one of ${words.join(', ')}`,
    secret: false,
    parse: (value) => words.find((word) => word === value),
    fallback: fallbackOf(options),
  };
}

/** `true` or `false`; also `1`, `0`, `yes`, `no`, `on`, `off`. */
export function flag(options: { readonly default?: boolean } = {}): Variable<boolean> {
  return {
    accepted: 'true or false',
    secret: false,
    parse: (value) =>
      /^(?:true|1|yes|on)$/i.test(value)
        ? true
        : /^(?:false|0|no|off)$/i.test(value)
          ? false
          : undefined,
    fallback: fallbackOf(options),
  };
}

/** A URL with one of these schemes, kept as text. Never printed: it may hold a password. */
export function url(
  schemes: readonly string[],
  options: { readonly default?: string } = {},
): Variable<string> {
  return {
    accepted: `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    secret: true,
    parse: (value) => {
      const scheme = URL.canParse(value) ? new URL(value).protocol.slice(0, -1) : '';
      return schemes.includes(scheme) && value.startsWith(`${scheme}://`) ? value : undefined;
    },
    fallback: fallbackOf(options),
  };
}

/** A PostgreSQL URL: `postgres://user:password@host:5432/database`. */
export function postgresUrl(options: { readonly default?: string } = {}): Variable<string> {
  return {
    accepted: 'a URL such as postgres://user@host:5432/database',
    secret: true,
    parse: (value) => (isDatabaseUrl(value) ? value : undefined),
    fallback: fallbackOf(options),
  };
}

/** A host name or an address to listen on. */
export function host(options: { readonly default?: string } = {}): Variable<string> {
  return {
    accepted: 'a host name or an IP address, without a scheme or a port',
    secret: false,
    parse: (value) =>
      /^[\w.:-]+$/.test(value) && !/^[\w.-]+:\d*$/.test(value) ? value : undefined,
    fallback: fallbackOf(options),
  };
}
