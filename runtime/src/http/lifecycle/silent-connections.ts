import type { Socket } from 'node:net';
import type { HttpApp } from '../http-app.ts';

/**
 * Closes, when the service stops, connections on which nothing was ever sent. Browsers and pools open them in advance;
 * Node counts them as busy and would wait for their first request.
 */
export function closeSilentConnections(app: HttpApp, stopping: AbortSignal): void {
  const silent = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  const close = (): void => {
    for (const socket of silent) if (socket.bytesRead === 0) socket.destroy();
  };
  stopping.addEventListener('abort', close, { once: true });
}
