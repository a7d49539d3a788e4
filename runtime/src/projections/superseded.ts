import { PotterError } from '../errors/potter-error.ts';

/** The error for a process that is older than the rows. */
export function superseded(name: string, version: number, live: number): PotterError {
  return new PotterError('PROJECTION_SUPERSEDED', {
    message: `Version ${live} of projection '${name}' is live, and this process has version ${version}.`,
    remedy: 'Ask a process of the newer version.',
    details: { name, version, live },
  });
}
