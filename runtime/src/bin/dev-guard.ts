/**
 * Preloaded into the service by potter-dev: ends the service when potter-dev is gone, however it went.
 * The end of the pipe on descriptor 3 tells; a kill -9 leaves no time for anything else. The other way, a byte in the pipe
 * tells potter-dev that the service met an error that nobody caught: it is about to crash, and did not refuse to start.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const PIPE = 3;

/** How long the service may take to stop by itself. */
const PATIENCE_MS = 10_000;

// Workers and forked processes inherit the preload, but not the pipe: only the first one finds the variable.
if (isMainThread && process.env['POTTER_DEV_GUARD'] === '1') {
  delete process.env['POTTER_DEV_GUARD'];
  const pipe = new Socket({ fd: PIPE, readable: true, writable: false });
  pipe.on('error', () => {});
  pipe.on('close', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), PATIENCE_MS).unref();
  });
  pipe.resume();
  pipe.unref();
  process.on('uncaughtExceptionMonitor', () => {
    try {
      writeSync(PIPE, '!');
    } catch {
      // potter-dev is gone: nobody is left to be told.
    }
  });
}
