/** Something that can be cancelled. Cancelling twice, or after it happened, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Where the runtime takes the time from. Tests pass a virtual clock (`potter-runtime/testing`), services the system's.
 * Leases do not use it: they are counted by the database, whose clock all processes share.
 */
export interface Clock {
  /** The time now. */
  now(): Date;
  /** Calls `callback` once after `delayMs` milliseconds (0 or less: as soon as possible), unless cancelled. */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** setTimeout takes a signed 32-bit number of milliseconds; a longer wait is made of several. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

class SystemClock implements Clock {
  now(): Date {
    return new Date();
  }

  schedule(delayMs: number, callback: () => void): Timer {
    let handle: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      const nextMs = Math.min(remainingMs, LONGEST_TIMEOUT_MS);
      handle = setTimeout(
        () => (remainingMs > nextMs ? arm(remainingMs - nextMs) : callback()),
        Math.max(0, nextMs),
      );
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(handle) };
  }
}

/** The system's time. Its timers keep the process alive until they fire or are cancelled. */
export const systemClock: Clock = new SystemClock();
