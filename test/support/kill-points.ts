/**
 * Points around the durable writes of this process: before one is sent, while it is on its way, and when it is durable but
 * nobody here has heard of it yet. At the one it is told to, the process kills itself, without warning.
 */
export class KillPoints {
  #passed = 0;
  /** 0: never. */
  killAt = 0;

  /** How many points were passed. */
  get passed(): number {
    return this.#passed;
  }

  async around<T>(write: () => Promise<T>): Promise<T> {
    this.#pass();
    const written = write();
    // Groups leave at the end of a turn: two turns later the statement is with the server.
    setImmediate(() => setImmediate(() => this.#pass()));
    const result = await written;
    this.#pass();
    return result;
  }

  /** The same object, with points around those of its methods that write. */
  watch<T extends object>(target: T, writes: ReadonlySet<string>): T {
    return new Proxy(target, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const method = value as (...args: unknown[]) => Promise<unknown>;
        if (!writes.has(String(name))) return method.bind(target);
        return (...args: unknown[]) => this.around(() => method.apply(target, args));
      },
    });
  }

  #pass(): void {
    this.#passed += 1;
    if (this.#passed === this.killAt) process.kill(process.pid, 'SIGKILL');
  }
}

/** The writes of a log of two-phase commits, and of its participants. */
export const TWO_PHASE_WRITES: ReadonlySet<string> = new Set([
  'begin',
  'decide',
  'settle',
  'prepare',
  'commit',
  'abort',
]);
