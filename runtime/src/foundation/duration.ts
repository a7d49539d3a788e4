import { PotterError } from '../errors/potter-error.ts';

type Unit = 'ms' | 's' | 'm' | 'h' | 'd';

/** A length of time: a number of milliseconds, or a number with a unit: `250ms`, `30s`, `5m`, `2h`, `7d`. */
export type Duration = number | `${number}${Unit}`;

const UNIT_MS: Readonly<Record<Unit, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const FORM = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * Milliseconds of a duration.
 * @throws PotterError `INVALID_ARGUMENT` when it is negative, not finite or of another form.
 */
export function durationMs(duration: Duration): number {
  if (typeof duration === 'number') {
    if (Number.isFinite(duration) && duration >= 0) return duration;
  } else {
    const match = FORM.exec(duration);
    const ms = match ? Number(match[1]) * UNIT_MS[match[2] as Unit] : Number.NaN;
    if (Number.isFinite(ms)) return ms;
  }
  throw new PotterError('INVALID_ARGUMENT', {
    message: `'${duration}' is not a duration.`,
    remedy: "Use milliseconds or a number with ms, s, m, h or d, such as '30s'.",
    details: { duration },
  });
}
