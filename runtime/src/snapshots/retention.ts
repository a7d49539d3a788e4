import { PotterError } from '../errors/potter-error.ts';

/**
 * How many snapshots of a stream a store keeps: 3 unless told otherwise. One is enough for speed; the others help reads
 * of past versions and show what the strategy did.
 * @throws PotterError `INVALID_ARGUMENT` when it is not a whole number of at least 1.
 */
export function snapshotsKept(keep = 3): number {
  if (Number.isInteger(keep) && keep >= 1) return keep;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `A store cannot keep ${keep} snapshots of a stream.`,
    remedy: 'Use a whole number of at least 1; to take no snapshots, use the strategy noSnapshots.',
    details: { keep },
  });
}
