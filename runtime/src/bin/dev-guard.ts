/**
 * Preloaded into the service by potter-dev: ends the service when potter-dev is gone, however it went.
 * The end of the pipe on descriptor 3 tells; a kill -9 leaves no time for anything else.
 */
import { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

/** How long the service may take to stop by itself. */
const PATIENCE_MS = 10_000;

// Workers and forked processes inherit the preload, but not the pipe: only the first one finds the variable.
if (isMainThread && process.env['POTTER_DEV_GUARD'] === '1') {
  delete process.env['POTTER_DEV_GUARD'];
  const pipe = new Socket({ fd: 3, readable: true, writable: false });
  pipe.on('error', () => {});
  pipe.on('close', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), PATIENCE_MS).unref();
  });
  pipe.resume();
  pipe.unref();
}
