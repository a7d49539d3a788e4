import { PotterError, type PotterErrorOptions } from '../errors/potter-error.ts';

/** What the reader does about the commonest last words of a server. First match counts. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/No space left on device|disk is full/i, 'Free some disk space and start again.'],
  [
    /incompatible with server|not compatible with this version/i,
    'The data folder was made by another version of PostgreSQL: delete it (its data is lost) or go back to that version.',
  ],
  [
    /Address already in use|could not bind|could not create any TCP/i,
    'Another program keeps taking the port: start again, or set DATABASE_URL.',
  ],
  [
    /GLIBC|error while loading shared libraries|cannot open shared object/i,
    'The binaries need glibc (not musl) of this age or newer: use another base image, or set DATABASE_URL.',
  ],
  [
    /has wrong ownership|Permission denied/i,
    'Give the folder to the user who starts this, or delete it.',
  ],
  [
    /could not create shared memory|could not resize shared memory/i,
    'The system has too little shared memory: in a container, raise --shm-size.',
  ],
];

/** Of a line of the log; a process that dies while it loads quotes whole files. */
const LONGEST_LINE = 300;

const FALLBACK = 'Set DATABASE_URL to a PostgreSQL server to do without the embedded one.';

/** The error of everything in this folder. Without a remedy of its own it gets the one its log lines call for. */
export function embeddedError(
  message: string,
  options: Omit<PotterErrorOptions, 'message'> & { readonly log?: readonly string[] } = {},
): PotterError {
  const { log: lines = [], remedy, ...rest } = options;
  const log = lines.map((line) => line.slice(0, LONGEST_LINE));
  const text = log.join('\n');
  return new PotterError('EMBEDDED_DATABASE_FAILED', {
    ...rest,
    message: log.length === 0 ? message : `${message} Its last words: ${log.slice(-4).join(' | ')}`,
    remedy: remedy ?? REMEDIES.find(([pattern]) => pattern.test(text || message))?.[1] ?? FALLBACK,
    details: { ...rest.details, ...(log.length === 0 ? {} : { log }) },
  });
}
