const LOOK_EVERY_MS = 250;

/**
 * Calls back when this process was started by a script of npm, pnpm or yarn and that is gone. They start scripts through a
 * shell, and a shell that is told to stop does not tell its child: being given to another parent is the only sign, and
 * there is no event for it.
 * @returns stops looking
 */
export function onAbandoned(callback: () => void): () => void {
  const { npm_lifecycle_event: script } = process.env;
  if (script === undefined) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
