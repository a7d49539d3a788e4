import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sleep, systemClock, throwIfAborted } from 'potter-runtime/foundation';
import { VirtualClock } from 'potter-runtime/testing';

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const DAY_MS = 86_400_000;

  test('keeps a timer that is longer than setTimeout can count', () => {
    const fired = vi.fn<() => void>();
    systemClock.schedule(60 * DAY_MS, fired);
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
  });

  test('cancels a long timer in each of its parts', () => {
    const fired = vi.fn<() => void>();
    const early = systemClock.schedule(60 * DAY_MS, fired);
    const late = systemClock.schedule(60 * DAY_MS, fired);
    early.cancel();
    vi.advanceTimersByTime(40 * DAY_MS);
    late.cancel();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(40 * DAY_MS);
    expect(fired).not.toHaveBeenCalled();
  });

  test('treats a negative delay as none', () => {
    const fired = vi.fn<() => void>();
    systemClock.schedule(-5, fired);
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
  });
});

describe('sleep', () => {
  test('ends after its delay and leaves no listener on the signal', async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    const remove = vi.spyOn(signal, 'removeEventListener');
    const add = vi.spyOn(signal, 'addEventListener');
    const done = sleep(1_000, { clock, signal });
    await clock.advance('1s');
    await expect(done).resolves.toBeUndefined();
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length);
  });

  test('ends with ABORTED at once when its signal fires, with the reason as cause and the timer gone', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const reason = new Error('the caller hung up');
    const waiting = sleep(1_000, { clock, signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
    expect(clock.pending).toBe(0);
  });

  test('does not start when its signal has fired already', async () => {
    const clock = new VirtualClock();
    await expect(sleep(1, { clock, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(clock.pending).toBe(0);
  });

  test('throwIfAborted throws only for a signal that has fired', () => {
    throwIfAborted(undefined);
    throwIfAborted(new AbortController().signal);
    expect(() => throwIfAborted(AbortSignal.abort())).toThrow(
      expect.objectContaining({ code: 'ABORTED' }),
    );
  });
});
