import { PotterError } from '../../errors/potter-error.ts';
import type { HttpApp } from '../http-app.ts';

/** Where to listen. */
export interface ListenOptions {
  /** 0: any free port. Default 8080. */
  readonly port?: number;
  /** Default 127.0.0.1: this machine only. In a container 0.0.0.0. */
  readonly host?: string;
}

/**
 * Opens the port. Returns the address as given, with the port that was got.
 * @throws PotterError `ADDRESS_UNAVAILABLE` when the port is taken or not ours to take, or the host is not of this machine.
 */
export async function listenOn(app: HttpApp, options: ListenOptions): Promise<string> {
  const { host = '127.0.0.1', port = 8080 } = options;
  try {
    await app.listen({ host, port, listenTextResolver: () => '' });
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    if (reason === undefined) throw error;
    throw new PotterError('ADDRESS_UNAVAILABLE', {
      message: `Cannot listen on ${host}:${port}: ${reason}.`,
      remedy: 'Set PORT or HOST to another one; PORT=0 takes any free port.',
      details: { host, port },
      cause: error,
    });
  }
  const address = app.server.address();
  const actual = address !== null && typeof address === 'object' ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not open that port',
  ENOTFOUND: 'there is no such host',
};
